"""Revisions, ETag and If-Match, and the order in which a write is judged (sync-rest, 5.3, 6 and 9)."""

from support import KIB_16, Airlock, RestTest, together
from twilio.base.exceptions import TwilioRestException

BIG = {"Data": '{"a":"' + "x" * (KIB_16 + 1 - 8) + '"}'}


class Revisions(RestTest):
    def test_hexadecimal(self):
        """§6: a revision is a lower-case hexadecimal text, from "0" on, one more per change, past 0x10"""
        doc = self.service.documents.create()
        seen = [doc.revision] + [self.service.documents(doc.sid).update(data={"n": it}).revision for it in range(27)]
        self.assertEqual(seen, [f"{it:x}" for it in range(28)])
        self.refused(412, 54103, self.service.documents(doc.sid).update, data={}, if_match="27")
        self.assertEqual(self.service.documents(doc.sid).update(data={}, if_match="1b").revision, "1c")

    def test_of_items(self):
        """§6: each item counts its own changes, in hexadecimal"""
        for items, add in self.collections():
            item = add({})
            name = getattr(item, "key", 0)
            seen = [items(name).update(data={"n": it}).revision for it in range(17)]
            self.assertEqual(seen[-2:], ["10", "11"])
            self.assertEqual(items(name).fetch().revision, "11")

    def test_same_data(self):
        """§6: a write of the same data is a change: the revision counts it"""
        doc = self.service.documents.create(data={"a": 1})
        self.assertEqual(self.service.documents(doc.sid).update(data={"a": 1}).revision, "1")

    def test_ttl_alone(self):
        """§8: a TTL alone is no new revision, of documents, items, lists and maps"""
        doc = self.service.documents.create()
        self.assertEqual(self.service.documents(doc.sid).update(ttl=60).revision, "0")
        for items, add in self.collections():
            item = add({})
            changed = items(getattr(item, "key", 0)).update(ttl=60)
            self.assertEqual((changed.revision, changed.date_expires is None), ("0", False))
        for kind in (self.service.sync_lists, self.service.sync_maps):
            made = kind.create()
            self.assertEqual(kind(made.sid).update(ttl=60).revision, made.revision)

    def test_created_by(self):
        """§6: what REST made is by `system`, also after updates"""
        doc = self.service.documents.create()
        self.assertEqual(self.service.documents(doc.sid).update(data={"a": 1}).created_by, "system")


class ETags(RestTest):
    def test_of_documents_lists_maps_and_items(self):
        """§6: each answer with a document, list, map or item has its revision as a quoted ETag"""
        a_list = self.http("POST", "/Lists", {"UniqueName": "l"})
        a_map = self.http("POST", "/Maps", {"UniqueName": "m"})
        answers = [a_list, a_map, self.http("POST", "/Documents", {"UniqueName": "d"}), self.http("POST", "/Documents/d", {"Data": "{}"}),
                   self.http("POST", "/Lists/l/Items", {"Data": "{}"}), self.http("POST", "/Lists/l/Items/0", {"Data": "{}"}),
                   self.http("POST", "/Maps/m/Items", {"Key": "k", "Data": "{}"}), self.http("POST", "/Maps/m/Items/k", {"Data": "{}"}),
                   self.http("POST", "/Maps/m", {"Ttl": "60"})]  # fmt: skip
        answers += [self.http("GET", path) for path in ["/Documents/d", "/Lists/l", "/Maps/m", "/Lists/l/Items/0", "/Maps/m/Items/k"]]
        for answer in answers:
            self.assertEqual(answer.headers.get("etag"), f'"{answer.body["revision"]}"', answer)

    def test_nowhere_else(self):
        """§6: services, streams, grants and errors have no ETag"""
        self.service.sync_maps.create(unique_name="m")
        grant = {"Read": "true", "Write": "true", "Manage": "true"}
        for answer in [self.http("GET"), self.http("POST", "/Streams", {}), self.http("POST", "/Maps/m/Permissions/ada", grant),
                       self.http("GET", "/Maps/m/Permissions/ada"), self.http("GET", "/Documents/none")]:  # fmt: skip
            self.assertIsNone(answer.headers.get("etag"), answer)

    def test_through_the_library(self):
        """§9: the ETag of an answer may be handed back as If-Match, as the library shows it"""
        doc = self.service.documents.create_with_http_info()
        etag = next(value for name, value in doc.headers.items() if name.lower() == "etag")
        self.assertEqual(self.service.documents(doc.data.sid).update(data={"a": 1}, if_match=etag).revision, "1")


class IfMatch(RestTest):
    def targets(self):
        """(path, code of a conflict) of a document, a list item and a map item at revision 1."""
        self.service.documents.create(unique_name="d")
        self.service.sync_lists.create(unique_name="l")
        self.service.sync_maps.create(unique_name="m")
        self.http("POST", "/Lists/l/Items", {"Data": "{}"})
        self.http("POST", "/Maps/m/Items", {"Key": "k", "Data": "{}"})
        for path, code in [("/Documents/d", 54103), ("/Lists/l/Items/0", 54155), ("/Maps/m/Items/k", 54205)]:
            self.http("POST", path, {"Data": '{"at":1}'})
            yield path, code

    def test_every_spelling(self):
        """§9: a revision matches bare, quoted, weak, in capitals, and * matches any"""
        for path, _ in self.targets():
            for number in range(8):
                self.http("POST", path, {"Data": "{}"})
            for spelled in ["{}", '"{}"', 'W/"{}"', "*", '"{:>03}"']:
                revision = self.http("GET", path).body["revision"]
                answer = self.http("POST", path, {"Data": '{"b":1}'}, {"If-Match": spelled.format(revision)})
                self.assertEqual((answer.status, int(answer.body["revision"], 16)), (200, int(revision, 16) + 1), spelled)
            revision = self.http("GET", path).body["revision"]
            self.assertEqual(revision, "e")
            self.assertEqual(self.http("POST", path, {"Data": "{}"}, {"If-Match": "E"}).status, 200)

    def test_conflict(self):
        """§9: another revision, older or newer, is 412 with the code of its kind and changes nothing"""
        for path, code in self.targets():
            for stale in ["0", '"0"', 'W/"0"', "2", "10", "ffffffffffffffff"]:
                self.fault(self.http("POST", path, {"Data": '{"lost":1}'}, {"If-Match": stale}), 412, code)
            self.assertEqual(self.http("GET", path).body["data"], {"at": 1})

    def test_message(self):
        """§5.2: a document's conflict says so in the words of the service"""
        doc = self.service.documents.create()
        self.refused(412, 54103, self.service.documents(doc.sid).update, data={}, if_match="5",
                     message="The revision of the Document does not match the expected revision")  # fmt: skip

    def test_absent(self):
        """§9: without If-Match the last write wins"""
        for path, _ in self.targets():
            self.assertEqual(self.http("POST", path, {"Data": '{"at":2}'}).body["revision"], "2")

    def test_no_revision(self):
        """§9: what is not hexadecimal is 400/54003"""
        for path, _ in self.targets():
            for bad in ["zz", '"', '"1', "W/", "-1", "1 2", "0x1", "1.0"]:
                self.fault(self.http("POST", path, {"Data": "{}"}, {"If-Match": bad}), 400, 54003)
                if "Items" in path:
                    self.fault(self.http("DELETE", path, headers={"If-Match": bad}), 400, 54003)
            self.assertEqual(self.http("GET", path).body["revision"], "1")

    def test_deletion(self):
        """§9: an item's deletion takes If-Match: a stale one keeps it, the right one removes it"""
        for path, code in self.targets():
            if "Items" in path:
                self.fault(self.http("DELETE", path, headers={"If-Match": "0"}), 412, code)
                self.assertEqual(self.http("GET", path).status, 200)
                self.assertEqual(self.http("DELETE", path, headers={"If-Match": '"1"'}).status, 204)
                self.fault(self.http("DELETE", path, headers={"If-Match": "1"}), 404, 20404)

    def test_ttl_alone(self):
        """§9: If-Match guards an update of the TTL alone as well"""
        doc = self.service.documents.create()
        self.refused(412, 54103, self.service.documents(doc.sid).update, ttl=60, if_match="1")
        self.assertIsNotNone(self.service.documents(doc.sid).update(ttl=60, if_match="0").date_expires)


class Races(RestTest):
    N = 16

    def outcome(self, results, code):
        """Who won; the others must have been refused with this code."""
        lost = [it for it in results if isinstance(it, TwilioRestException)]
        self.assertEqual({it.code for it in lost}, {code})
        self.assertEqual(len(lost), len(results) - 1)
        return next(it for it in results if not isinstance(it, TwilioRestException))

    def test_document(self):
        """§9: of many writers with one If-Match exactly one wins, and its data stands"""
        doc = self.service.documents.create()
        won = self.outcome(together(self.N, lambda it: self.service.documents(doc.sid).update(data={"by": it}, if_match="0")), 54103)
        stands = self.service.documents(doc.sid).fetch()
        self.assertEqual((stands.revision, stands.data), ("1", won.data))

    def test_items(self):
        """§9: the same for a list item and a map item"""
        for code, (items, add) in zip([54155, 54205], self.collections()):
            name = getattr(add({}), "key", 0)
            won = self.outcome(together(self.N, lambda it: items(name).update(data={"by": it}, if_match="0")), code)
            self.assertEqual((items(name).fetch().revision, items(name).fetch().data), ("1", won.data))

    def test_counter(self):
        """§9: a counter kept by compare-and-set loses no step"""
        doc = self.service.documents.create(data={"n": 0})

        def step(_):
            for _ in range(100):
                now = self.service.documents(doc.sid).fetch()
                try:
                    return self.service.documents(doc.sid).update(data={"n": now.data["n"] + 1}, if_match=now.revision)
                except TwilioRestException as error:
                    self.assertEqual(error.status, 412)
            self.fail("never won")

        together(8, step)
        stands = self.service.documents(doc.sid).fetch()
        self.assertEqual((stands.data, stands.revision), ({"n": 8}, "8"))

    def test_unconditional(self):
        """§6: writers without a condition all pass, each with a revision of its own"""
        doc = self.service.documents.create()
        seen = {it.revision for it in together(self.N, lambda it: self.service.documents(doc.sid).update(data={"by": it}))}
        self.assertEqual(seen, {f"{it:x}" for it in range(1, self.N + 1)})

    def test_name(self):
        """§5.3: of many who make one name exactly one does, in each kind"""
        for kind in (self.service.documents, self.service.sync_lists, self.service.sync_maps, self.service.sync_streams):
            won = self.outcome(together(self.N, lambda _: kind.create(unique_name="n")), 54301)
            self.assertEqual([it.sid for it in kind.list()], [won.sid])

    def test_key(self):
        """§7.6: of many who make one key exactly one does"""
        items = self.service.sync_maps(self.service.sync_maps.create().sid).sync_map_items
        won = self.outcome(together(self.N, lambda it: items.create("k", {"by": it})), 54208)
        self.assertEqual(items("k").fetch().data, won.data)

    def test_pushes(self):
        """§7.4: items pushed at once have indexes of their own, none lost"""
        items = self.service.sync_lists(self.service.sync_lists.create().sid).sync_list_items
        made = {it.index: it.data for it in together(self.N, lambda it: items.create({"by": it}))}
        self.assertEqual(len(made), self.N)
        self.assertEqual({it.index: it.data for it in items.list()}, made)

    def test_deletion(self):
        """§14: of many who delete one object exactly one is answered 204"""
        doc = self.service.documents.create()
        self.outcome(together(self.N, lambda _: self.service.documents(doc.sid).delete()), 20404)


class Order(RestTest):
    """401 → route → service → parent → item → parameters → 54010 → If-Match → uniqueness (sync-rest, 5.3)."""

    def both(self, status, code, method, path, form=None, headers=None, **more):
        self.fault(self.http(method, path, form, headers, **more), status, code)

    def setUp(self):
        super().setUp()
        self.service.documents.create(unique_name="d", data={"a": 1})
        self.service.sync_lists.create(unique_name="l")
        self.service.sync_maps.create(unique_name="m")
        self.service.sync_maps("m").sync_map_items.create("k", {"a": 1})

    def tearDown(self):
        doc, item = self.service.documents("d").fetch(), self.service.sync_maps("m").sync_map_items("k").fetch()
        self.assertEqual([(it.revision, it.data, it.date_expires) for it in (doc, item)], [("0", {"a": 1}, None)] * 2, "a refused write changes nothing")

    def test_401_before_method(self):
        """§5.3: the credential comes before path and method"""
        self.both(401, 20003, "PUT", "/Nothing", authorization={})

    def test_405_before_service(self):
        """§5.3: the method comes before the service"""
        self.fault(self.airlock.http("DELETE", f"/v1/Services/IS{'0' * 32}/Documents"), 405, 20004)

    def test_service_before_parameters(self):
        """§5.3: the service comes before parameters"""
        for form in [{"UniqueName": ""}, {"Ttl": "x"}, {"Data": "{"}, BIG]:
            self.fault(self.airlock.http("POST", f"/v1/Services/IS{'0' * 32}/Documents", form), 404, 20404)
        self.fault(self.airlock.http("GET", f"/v1/Services/IS{'0' * 32}/Documents?PageSize=0"), 404, 20404)
        self.fault(self.airlock.http("POST", f"/v1/Services/IS{'0' * 32}", {"FriendlyName": ""}), 404, 20404)

    def test_parent_before_parameters(self):
        """§5.3: the object comes before parameters: TTL, JSON, size, key, index, flags, page size"""
        for path in ["/Documents/none", "/Maps/none/Items", "/Lists/none/Items", "/Streams/none/Messages", "/Maps/none/Items/k"]:
            for form in [{"Ttl": "x"}, {"Data": "{"}, {"Data": "null"}, BIG, {}]:
                self.both(404, 20404, "POST", path, form)
        self.both(404, 20404, "GET", "/Lists/none/Items/x")
        self.both(404, 20404, "POST", "/Maps/none/Permissions/ada", {"Read": "perhaps"})
        self.both(404, 20404, "GET", "/Maps/none/Items?PageSize=0&Order=up")
        self.both(404, 20404, "GET", "/Documents/none/Permissions?PageToken=x")

    def test_item_before_parameters(self):
        """§5.3: the item comes before parameters and If-Match"""
        for path in ["/Maps/m/Items/none", "/Lists/l/Items/7"]:
            for form in [{"Ttl": "x"}, {"Data": "{"}, BIG, {}]:
                self.both(404, 20404, "POST", path, form, {"If-Match": "zz"})
            self.both(404, 20404, "DELETE", path, headers={"If-Match": "zz"})

    def test_body_size(self):
        """§5.3: a body too large to be kept is judged as a parameter: after what must stand"""
        huge = {"Data": "x" * 200_000}
        self.both(404, 20404, "POST", "/Documents/none", huge)
        self.both(404, 20404, "POST", "/Maps/m/Items/none", huge)
        self.both(413, 54006, "POST", "/Documents/d", huge)
        self.both(401, 20003, "POST", "/Documents/d", huge, authorization={})
        self.both(405, 20004, "PUT", "/Documents/d", huge)

    def test_among_parameters(self):
        """§5.3: among parameters: syntax, then TTL, then Data's JSON, then size"""
        self.both(400, 54302, "POST", "/Documents", {"UniqueName": "", "Ttl": "x", "Data": "{"})
        self.both(400, 54209, "POST", "/Maps/m/Items", {"Key": "", "Ttl": "x", "Data": "{"})
        self.both(400, 54011, "POST", "/Documents", {"Ttl": "x", "Data": "{"})
        self.both(400, 54011, "POST", "/Documents", {"Ttl": "x", **BIG})
        self.both(400, 54008, "POST", "/Documents", {"Data": "x" * (KIB_16 + 1)})
        self.both(400, 54011, "POST", "/Maps/m/Items", {"Key": "l", "Ttl": "x"})

    def test_parameters_before_54010(self):
        """§5.3: a bad parameter comes before that nothing is to be done"""
        self.both(400, 54011, "POST", "/Documents/d", {"Ttl": "x"})
        self.both(400, 54011, "POST", "/Maps/m/Items/k", {"CollectionTtl": "x"})

    def test_54010_before_if_match(self):
        """§5.3: that nothing is to be done comes before If-Match, of whatever form"""
        for stale in ["5", "zz"]:
            self.both(400, 54010, "POST", "/Documents/d", {}, {"If-Match": stale})
            self.both(400, 54010, "POST", "/Maps/m/Items/k", {}, {"If-Match": stale})

    def test_parameters_before_if_match(self):
        """§5.3: TTL, JSON and size come before If-Match, of whatever form"""
        for stale in ["5", "zz"]:
            for path in ["/Documents/d", "/Maps/m/Items/k"]:
                self.both(400, 54011, "POST", path, {"Ttl": "x", "Data": "{}"}, {"If-Match": stale})
                self.both(400, 54008, "POST", path, {"Data": "{"}, {"If-Match": stale})
                self.both(413, 54006, "POST", path, BIG, {"If-Match": stale})

    def test_parameters_before_uniqueness(self):
        """§5.3: parameters come before uniqueness, of names and of keys"""
        for bad, status, code in [({"Ttl": "x"}, 400, 54011), ({"Data": "["}, 400, 54008), (BIG, 413, 54006)]:
            self.both(status, code, "POST", "/Documents", {"UniqueName": "d", **bad})
            self.both(status, code, "POST", "/Maps/m/Items", {"Key": "k", "Data": "{}", **bad})


class Restart(RestTest):
    @classmethod
    def setUpClass(cls):
        cls.airlock = Airlock()
        cls.client = cls.airlock.client()

    @classmethod
    def tearDownClass(cls):
        cls.airlock.stop()

    def test_restart(self):
        """§10: after a restart all is as it was, counters go on, and a page's token leads on where it did"""
        self.service.sync_lists.create(unique_name="l", ttl=3600)
        items = self.service.sync_lists("l").sync_list_items
        for number in range(5):
            items.create({"n": number})
        items(1).update(data={"n": "changed"})
        self.service.sync_lists("l").sync_list_permissions("ada").update(True, False, False)
        page = self.http("GET", "/Lists/l/Items?PageSize=2&Order=desc").body
        paths = ["", "/Lists", "/Lists/l", "/Lists/l/Items", "/Lists/l/Items/1", "/Lists/l/Permissions"]
        before = [self.http("GET", path).body for path in paths]
        self.assertEqual(self.airlock.end(), 0)
        self.airlock.start()
        self.assertEqual([self.http("GET", path).body for path in paths], before)
        self.assertEqual([it["index"] for it in self.airlock.http("GET", page["meta"]["next_page_url"]).body["items"]], [2, 1])
        self.assertEqual(items.create({}).index, 5)
        self.refused(412, 54155, items(1).update, data={}, if_match="0")
        self.assertEqual(items(1).update(data={}, if_match="1").revision, "2")
