"""Services, names, data, items, streams: what each kind of object is and refuses (sync-rest, 6 and 7)."""

from support import SID, RestTest, together


class Services(RestTest):
    def services(self):
        return self.client.sync.v1.services

    def test_defaults(self):
        """§7.1: a service made of nothing has the defaults of the reference"""
        made = self.services().create()
        self.assertEqual(
            [made.unique_name, made.friendly_name, made.webhook_url, made.webhooks_from_rest_enabled, made.reachability_webhooks_enabled,
             made.acl_enabled, made.reachability_debouncing_enabled, made.reachability_debouncing_window],
            [None, None, None, False, False, False, False, 5000],
        )  # fmt: skip

    def test_all_settings(self):
        """§7.1: all seven settings are taken on creation, kept, and taken on update"""
        one = dict(friendly_name="é", webhook_url="https://example.org/h?a=b", webhooks_from_rest_enabled=True,
                   reachability_webhooks_enabled=True, acl_enabled=True, reachability_debouncing_enabled=True,
                   reachability_debouncing_window=30000)  # fmt: skip
        made = self.services().create(**one)
        self.assertEqual({name: getattr(self.services()(made.sid).fetch(), name) for name in one}, one)
        other = {name: not value if isinstance(value, bool) else value for name, value in one.items()}
        other |= {"friendly_name": "b", "webhook_url": "http://localhost:1", "reachability_debouncing_window": 1000}
        self.services()(made.sid).update(**other)
        self.assertEqual({name: getattr(self.services()(made.sid).fetch(), name) for name in one}, other)

    def test_only_what_is_given(self):
        """§7.1: an update changes only what is given"""
        made = self.services().create(friendly_name="a", acl_enabled=True, webhook_url="http://a.example")
        new = self.services()(made.sid).update(friendly_name="b")
        self.assertEqual((new.friendly_name, new.acl_enabled, new.webhook_url), ("b", True, "http://a.example"))

    def test_empty_url_clears(self):
        """§7.1: an empty WebhookUrl takes it away"""
        made = self.services().create(webhook_url="http://a.example")
        self.assertIsNone(self.services()(made.sid).update(webhook_url="").webhook_url)

    def test_friendly_name(self):
        """§5.2: FriendlyName has 1 to 255 characters, else 54053"""
        self.assertEqual(self.services().create(friendly_name="é" * 255).friendly_name, "é" * 255)
        for bad in ["", "x" * 256]:
            self.refused(400, 54053, self.services().create, friendly_name=bad)
            self.refused(400, 54053, self.service.update, friendly_name=bad)

    def test_webhook_url(self):
        """§5.2: WebhookUrl is an http(s) URL of at most 512 characters, else 54051"""
        longest = "http://a.example/" + "x" * (512 - len("http://a.example/"))
        self.assertEqual(self.services().create(webhook_url=longest).webhook_url, longest)
        for bad in [longest + "x", "ftp://a.example", "a.example", "/path", "http://", "javascript:alert(1)"]:
            self.refused(400, 54051, self.services().create, webhook_url=bad)

    def test_window(self):
        """§7.1: ReachabilityDebouncingWindow is 1000 to 30000, else 400"""
        for bad in [999, 30001, 0, -1, "x", "5000.5"]:
            answer = self.airlock.http("POST", "/v1/Services", {"ReachabilityDebouncingWindow": bad})
            self.fault(answer, 400, 20001)

    def test_flags(self):
        """§5.2: a flag that is neither true nor false is 400/20001"""
        for name in ["AclEnabled", "WebhooksFromRestEnabled", "ReachabilityWebhooksEnabled", "ReachabilityDebouncingEnabled"]:
            self.fault(self.airlock.http("POST", "/v1/Services", {name: "perhaps"}), 400, 20001)

    def test_name_is_read_only(self):
        """§7.1: a service's unique name cannot be given"""
        answer = self.airlock.http("POST", "/v1/Services", {"UniqueName": "mine"})
        self.assertEqual((answer.status, answer.body["unique_name"]), (201, None))
        self.fault(self.http("POST", "", {"UniqueName": "mine"}), 400, 54010)

    def test_nothing_to_update(self):
        """§5.2: an update without any parameter is 54010"""
        self.refused(400, 54010, self.service.update)

    def test_delete(self):
        """§7.1: DELETE removes a service with everything in it, once"""
        doc, a_map = self.service.documents.create(unique_name="d"), self.service.sync_maps.create(unique_name="m")
        self.service.sync_maps("m").sync_map_items.create("k", {})
        self.assertIs(self.service.delete(), True)
        for call in [self.service.fetch, self.service.delete, self.service.update, self.service.documents(doc.sid).fetch,
                     self.service.documents("d").fetch, self.service.documents.create, self.service.sync_maps(a_map.sid).sync_map_items("k").fetch]:  # fmt: skip
            self.refused(404, 20404, call)
        self.assertNotIn(self.sid, [it.sid for it in self.services().list()])

    def test_foreign_service(self):
        """§5.2: a service that is not this account's is 404/20404, as one that never was"""
        self.refused(404, 20404, self.services()("IS" + "a" * 32).fetch)
        self.refused(404, 20404, self.services()("IS" + "a" * 32).documents.create)
        self.refused(404, 20404, self.services()("no sid").fetch)


class Default(RestTest):
    """The alias `default` (sync-rest, 6); these tests take turns with it."""

    def setUp(self):
        super().setUp()
        self.default = self.client.sync.v1.services("default")
        self.client.sync.v1.services(self.default.fetch().sid).delete()

    def test_made_on_first_use(self):
        """§6: `default` is made when it is first used, by a read or by a write in it"""
        listed = lambda: [it.sid for it in self.client.sync.v1.services.list() if it.unique_name == "default"]  # noqa: E731
        self.assertEqual(listed(), [])
        doc = self.default.documents.create(unique_name="d")
        self.assertEqual(listed(), [doc.service_sid])
        self.assertEqual((self.default.fetch().sid, self.default.fetch().unique_name), (doc.service_sid, "default"))

    def test_real_sid_in_answers(self):
        """§6: answers carry the real SID in service_sid, url and links, at every depth"""
        sid = self.default.fetch().sid
        self.assertRegex(sid, f"^{SID['IS'].pattern}$")
        made = self.default.sync_maps.create(unique_name="m")
        item = self.default.sync_maps("m").sync_map_items.create("k", {})
        grant = self.default.sync_maps("m").sync_map_permissions("ada").update(True, True, True)
        for it in (made, item, grant):
            self.assertEqual(it.service_sid, sid)
            self.assertIn(f"/v1/Services/{sid}/Maps/{made.sid}", it.url)
        page = self.airlock.http("GET", "/v1/Services/default/Maps").body["meta"]
        self.assertIn(f"/v1/Services/{sid}/Maps?", page["first_page_url"])
        self.assertEqual(self.client.sync.v1.services(sid).sync_maps("m").fetch().sid, made.sid)

    def test_one(self):
        """§6: `default` is one service, also for many who ask at once"""
        self.assertEqual(len({it.service_sid for it in together(8, lambda _: self.default.documents.create())}), 1)

    def test_recreated_empty(self):
        """§16: the default service may be deleted, by its alias too; it comes back empty, with a new SID"""
        old = self.default.documents.create(unique_name="d").service_sid
        self.assertIs(self.default.delete(), True)
        self.refused(404, 20404, self.client.sync.v1.services(old).fetch)
        self.assertEqual(self.default.documents.list(), [])
        self.assertNotEqual(self.default.fetch().sid, old)


class Names(RestTest):
    def kinds(self):
        return [self.service.documents, self.service.sync_lists, self.service.sync_maps, self.service.sync_streams]

    def test_absent(self):
        """§6: without a name there is none: null, as often as one likes"""
        for kind in self.kinds():
            self.assertEqual([kind.create().unique_name, kind.create().unique_name], [None, None])

    def test_length(self):
        """§6: a unique name has 1 to 320 characters, not bytes; else 54302 with the message of the service"""
        for kind in self.kinds():
            self.assertEqual(kind.create(unique_name="é" * 320).unique_name, "é" * 320)
            for bad in ["", "x" * 321]:
                self.refused(400, 54302, kind.create, unique_name=bad, message="Invalid unique name. Expected a string with length 1-320 "
                             "not matching the SID pattern [A-Z]{2}[a-f0-9]{32}")  # fmt: skip

    def test_like_a_sid(self):
        """§6: what looks like a SID, of whatever kind, is no name; what nearly does is one"""
        for bad in ["ET" + "a" * 32, "ZZ" + "0" * 32]:
            self.refused(400, 54302, self.service.documents.create, unique_name=bad)
        for good in ["ET" + "A" * 32, "et" + "a" * 32, "ET" + "a" * 31, "ET" + "a" * 33, "ETg" + "a" * 31]:
            self.service.documents.create(unique_name=good)
            self.assertEqual(self.service.documents(good).fetch().unique_name, good)

    def test_taken(self):
        """§6: a name that is taken is 409/54301, in each kind"""
        for kind in self.kinds():
            kind.create(unique_name="n")
            self.refused(409, 54301, kind.create, unique_name="n")
            self.assertEqual(len(kind.list()), 1)

    def test_per_kind(self):
        """§16: one name may stand once in each kind"""
        self.assertEqual(len({kind.create(unique_name="n").sid[:2] for kind in self.kinds()}), 4)

    def test_case(self):
        """§6: names are case-sensitive"""
        one, other = self.service.documents.create(unique_name="Name"), self.service.documents.create(unique_name="name")
        self.assertEqual(self.service.documents("Name").fetch().sid, one.sid)
        self.assertEqual(self.service.documents("name").fetch().sid, other.sid)
        self.refused(404, 20404, self.service.documents("NAME").fetch)

    def test_immutable(self):
        """§6: a name cannot be changed: the parameter is ignored"""
        self.service.documents.create(unique_name="n")
        answer = self.http("POST", "/Documents/n", {"UniqueName": "m", "Data": '{"a":1}'})
        self.assertEqual((answer.status, answer.body["unique_name"], answer.body["data"]), (200, "n", {"a": 1}))
        self.fault(self.http("POST", "/Documents/n", {"UniqueName": "m"}), 400, 54010)

    def test_freed_by_deletion(self):
        """§6: a deletion frees the name at once; the SID is not used again, and stays gone"""
        for kind in self.kinds():
            old = kind.create(unique_name="n").sid
            kind("n").delete()
            new = kind.create(unique_name="n").sid
            self.assertNotEqual(new, old)
            self.refused(404, 20404, kind(old).fetch)

    def test_name_or_sid_everywhere(self):
        """§6: the parent of items, grants and messages is named by name or SID, and url has the SID"""
        made = self.service.sync_maps.create(unique_name="n")
        for where in ("n", made.sid):
            item = self.service.sync_maps(where).sync_map_items.create(f"in {where}", {})
            self.assertEqual((item.map_sid, item.url.split("/")[7]), (made.sid, made.sid))
            grant = self.service.sync_maps(where).sync_map_permissions(where).update(True, True, True)
            self.assertEqual((grant.map_sid, grant.url.split("/")[7]), (made.sid, made.sid))
            self.assertEqual(self.service.sync_maps(where).fetch().url, made.url)
        self.service.sync_streams.create(unique_name="n")
        self.service.sync_streams("n").stream_messages.create({})
        self.service.sync_lists.create(unique_name="n")
        self.assertEqual(self.service.sync_lists("n").sync_list_items.create({}).index, 0)

    def test_deleted_by_name(self):
        """§14: a deletion by name is one by SID; the second is 404"""
        for kind in self.kinds():
            made = kind.create(unique_name="n")
            self.assertIs(kind("n").delete(), True)
            self.refused(404, 20404, kind("n").delete)
            self.refused(404, 20404, kind(made.sid).delete)


class Data(RestTest):
    def test_omitted(self):
        """§6: a document without Data holds {}"""
        self.assertEqual(self.service.documents.create().data, {})

    def test_replaced(self):
        """§6: an update replaces the data, it merges nothing"""
        doc = self.service.documents.create(data={"a": 1, "b": {"c": 1}})
        self.assertEqual(self.service.documents(doc.sid).update(data={"b": {"d": 2}}).data, {"b": {"d": 2}})
        for items, add in self.collections():
            item = add({"a": 1})
            name = getattr(item, "key", None) or getattr(item, "index", None)
            self.assertEqual(items(name).update(data={"b": 2}).data, {"b": 2})
            self.assertEqual(items(name).fetch().data, {"b": 2})

    def test_order_and_numbers(self):
        """§6: the order of keys and the text of numbers are kept"""
        text = '{"z":1.50,"a":1e3,"m":12345678901234567890,"b":{"y":-0.0,"x":1}}'
        made = self.http("POST", "/Documents", {"Data": text})
        self.assertIn(text, made.text)
        self.assertIn(text, self.http("GET", f"/Documents/{made.body['sid']}").text)

    def test_objects_only(self):
        """§6: an array, a text, a number and a boolean are no data: 400/54008, with the message of the service"""
        doc = self.service.documents.create(data={"a": 1})
        for bad in ["[1]", '"x"', "5", "true", "-1.5"]:
            self.fault(self.http("POST", "/Documents", {"Data": bad}), 400, 54008, "Invalid request body: the type of one of the attributes is invalid")
            self.fault(self.http("POST", f"/Documents/{doc.sid}", {"Data": bad}), 400, 54008)
        for items, add in self.collections():
            for bad in ["[1]", '"x"', 5, "false"]:
                self.refused(400, 54008, add, bad)
        self.assertEqual(self.service.documents(doc.sid).fetch().revision, "0")

    def test_not_json(self):
        """§5.2: what is no JSON is 400/54008: half an object, Python's True, nothing, two objects"""
        for bad in ["{", "True", "", "{}{}", "{'a':1}", '{"a":NaN}', '{"a":1,}']:
            self.fault(self.http("POST", "/Documents", {"Data": bad}), 400, 54008, "Invalid request body: the type of one of the attributes is invalid")
        self.refused(400, 54008, self.service.documents.create, data=True)

    def test_null(self):
        """§5.2: null is 54101 in a document, 54156 in a list, 54206 in a map, 54251 in a stream"""
        doc = self.service.documents.create().sid
        a_list, a_map, stream = self.service.sync_lists.create().sid, self.service.sync_maps.create().sid, self.service.sync_streams.create().sid
        self.service.sync_lists(a_list).sync_list_items.create({})
        null = {"Data": "null", "Key": "k"}
        for path, code in [("/Documents", 54101), (f"/Documents/{doc}", 54101), (f"/Lists/{a_list}/Items", 54156),
                           (f"/Lists/{a_list}/Items/0", 54156), (f"/Maps/{a_map}/Items", 54206), (f"/Streams/{stream}/Messages", 54251)]:  # fmt: skip
            with self.subTest(path):
                self.fault(self.http("POST", path, null), 400, code)

    def test_missing(self):
        """§16: without Data an item is 54156 or 54206, a message 54251"""
        a_list, a_map, stream = self.service.sync_lists.create().sid, self.service.sync_maps.create().sid, self.service.sync_streams.create().sid
        self.fault(self.http("POST", f"/Lists/{a_list}/Items", {}), 400, 54156)
        self.fault(self.http("POST", f"/Maps/{a_map}/Items", {"Key": "k"}), 400, 54206)
        self.fault(self.http("POST", f"/Streams/{stream}/Messages", {}), 400, 54251)

    def test_hostile(self):
        """decision 32: doubled keys, `__proto__`, and more than 32 levels are refused with 400; 32 levels are not"""
        deep = lambda levels: '{"a":' * levels + "1" + "}" * levels  # noqa: E731
        for bad in ['{"a":1,"a":2}', '{"__proto__":{}}', '{"b":{"__proto__":1}}', deep(33), deep(5000)]:
            answer = self.http("POST", "/Documents", {"Data": bad})
            self.assertEqual(answer.status, 400, answer)
        self.assertEqual(self.http("POST", "/Documents", {"Data": deep(31)}).status, 201)

    def test_strings(self):
        """§6: any text passes: control characters, quotes, NUL, letters beyond the BMP"""
        data = {"": "", "\u0000\n\"\\/": "\u2028 é 😀 \u007f", "k" * 300: [None, True, [], {}]}
        self.assertEqual(self.service.documents.create(data=data).data, data)


class Lists(RestTest):
    def items(self):
        return self.service.sync_lists(self.service.sync_lists.create().sid).sync_list_items

    def test_first(self):
        """§7.4: the first index is 0, a number; consecutive items have consecutive indexes"""
        items = self.items()
        self.assertEqual([items.create({"n": it}).index for it in range(5)], [0, 1, 2, 3, 4])
        self.assertEqual([(it.index, it.data["n"]) for it in items.list()], [(it, it) for it in range(5)])

    def test_never_reused(self):
        """§7.4: an index is never used again, not even by an emptied list"""
        items = self.items()
        for _ in range(3):
            items.create({})
        items(1).delete()
        items(2).delete()
        fourth = items.create({}).index
        self.assertGreaterEqual(fourth, 3)
        for it in items.list():
            items(it.index).delete()
        self.assertGreater(items.create({}).index, fourth)
        self.refused(404, 20404, items(1).fetch)

    def test_index(self):
        """§5.2: an index that is no integer from 0 is 400/54458, to read, update and delete"""
        items = self.items()
        for bad in ["x", "-1", "1.5", "1e3", "99999999999999999999999"]:
            for call in [items(bad).fetch, items(bad).delete, lambda bad=bad: items(bad).update(data={})]:
                self.refused(400, 54458, call)

    def test_absent_item(self):
        """§7.4: an item that does not stand is 404 to read, update and delete: update is no upsert"""
        items = self.items()
        for call in [items(5).fetch, items(5).delete, lambda: items(5).update(data={})]:
            self.refused(404, 20404, call)
        self.assertEqual(items.list(), [])

    def test_revision_of_the_list(self):
        """§6: a list's revision changes with its items: added, updated, removed"""
        sid = self.service.sync_lists.create().sid
        seen = [self.service.sync_lists(sid).fetch().revision]
        items = self.service.sync_lists(sid).sync_list_items
        for change in [lambda: items.create({}), lambda: items(0).update(data={"a": 1}), lambda: items(0).delete()]:
            change()
            seen.append(self.service.sync_lists(sid).fetch().revision)
        self.assertEqual(len(set(seen)), 4, seen)

    def test_cascade(self):
        """§14: a deleted list takes its items along; under the same name one starts empty, at index 0"""
        self.service.sync_lists.create(unique_name="n")
        for _ in range(3):
            self.service.sync_lists("n").sync_list_items.create({})
        self.service.sync_lists("n").delete()
        self.refused(404, 20404, self.service.sync_lists("n").sync_list_items(0).fetch)
        self.service.sync_lists.create(unique_name="n")
        self.assertEqual(self.service.sync_lists("n").sync_list_items.list(), [])
        self.assertEqual(self.service.sync_lists("n").sync_list_items.create({}).index, 0)

    def test_nothing_to_update(self):
        """§5.2: an update of list, map, stream or item without parameters is 54010"""
        for kind in (self.service.sync_lists, self.service.sync_maps, self.service.sync_streams, self.service.documents):
            self.refused(400, 54010, kind(kind.create().sid).update)
        for items, add in self.collections():
            item = add({})
            self.refused(400, 54010, items(getattr(item, "key", 0)).update)

    def test_collection_ttl_alone(self):
        """§7.4: CollectionTtl alone is no update of an item: 54010"""
        for items, add in self.collections():
            item = add({})
            self.refused(400, 54010, items(getattr(item, "key", 0)).update, collection_ttl=60)


class Maps(RestTest):
    def items(self):
        return self.service.sync_maps(self.service.sync_maps.create().sid).sync_map_items

    def test_key(self):
        """§7.6: a key has 1 to 320 characters, else 54209"""
        items = self.items()
        self.assertEqual(items.create("é" * 320, {}).key, "é" * 320)
        for bad in ["", "x" * 321]:
            self.refused(400, 54209, items.create, bad, {})

    def test_any_key(self):
        """§7.6: any characters may stand in a key, a SID's look too"""
        items = self.items()
        for key in ["a b", "+", "é", "%41", "ET" + "a" * 32, "..", "\n", "0", "a=b&c"]:
            self.assertEqual(items.create(key, {"k": key}).key, key)
        self.assertEqual({it.key for it in items.list()}, {it.data["k"] for it in items.list()})

    def test_no_key(self):
        """§7.6: a map item without Key is 400"""
        sid = self.service.sync_maps.create().sid
        self.assertEqual(self.http("POST", f"/Maps/{sid}/Items", {"Data": "{}"}).status, 400)

    def test_create_is_no_upsert(self):
        """§7.6: a key that stands is 409/54208 with the message of the service, and keeps its data"""
        items = self.items()
        items.create("k", {"n": 1})
        self.refused(409, 54208, items.create, "k", {"n": 2}, message="An Item with given key already exists in the Map")
        self.assertEqual((items("k").fetch().data, items("k").fetch().revision), ({"n": 1}, "0"))

    def test_update_is_no_upsert(self):
        """§7.6: an update of a key that does not stand is 404 and makes nothing"""
        items = self.items()
        self.refused(404, 20404, items("k").update, data={})
        self.refused(404, 20404, items("k").delete)
        self.assertEqual(items.list(), [])

    def test_case(self):
        """§7.6: keys are compared byte by byte: case counts, and so does the form of an accent"""
        items = self.items()
        for key in ["k", "K", "é", "e\u0301"]:
            items.create(key, {"k": key})
        for key in ["k", "K", "é", "e\u0301"]:
            self.assertEqual(items(key).fetch().data, {"k": key})

    def test_recreated(self):
        """§7.6: a deleted key is free, and starts at revision 0"""
        items = self.items()
        items.create("k", {})
        items("k").update(data={"n": 1})
        items("k").delete()
        self.assertEqual(items.create("k", {"n": 2}).revision, "0")

    def test_cascade(self):
        """§14: a deleted map takes its items along; under the same name one starts empty"""
        self.service.sync_maps.create(unique_name="n")
        self.service.sync_maps("n").sync_map_items.create("k", {})
        self.service.sync_maps("n").delete()
        self.refused(404, 20404, self.service.sync_maps("n").sync_map_items("k").fetch)
        self.service.sync_maps.create(unique_name="n")
        self.assertEqual(self.service.sync_maps("n").sync_map_items.list(), [])

    def test_revision_of_the_map(self):
        """§6: a map's revision changes with its items, an item's with its own changes only"""
        sid = self.service.sync_maps.create().sid
        items = self.service.sync_maps(sid).sync_map_items
        items.create("k", {})
        before = self.service.sync_maps(sid).fetch().revision
        items.create("l", {})
        self.assertNotEqual(self.service.sync_maps(sid).fetch().revision, before)
        self.assertEqual(items("k").fetch().revision, "0")


class Streams(RestTest):
    def test_fields(self):
        """§7.7: a stream has no revision and no permissions, and its answers no ETag"""
        answer = self.http("POST", "/Streams", {"UniqueName": "s"})
        self.assertNotIn("revision", answer.body)
        self.assertEqual(set(answer.body["links"]), {"messages"})
        self.assertIsNone(answer.headers.get("etag"))

    def test_message(self):
        """§7.8: a message is answered 201 with sid and data and nothing else; each has its own SID"""
        stream = self.service.sync_streams.create().sid
        answers = [self.http("POST", f"/Streams/{stream}/Messages", {"Data": '{"a":1.50}'}) for _ in range(2)]
        self.assertEqual([it.status for it in answers], [201, 201])
        self.assertIn('"data":{"a":1.50}', answers[0].text)
        self.assertEqual(set(answers[0].body), {"sid", "data"})
        self.assertNotEqual(answers[0].body["sid"], answers[1].body["sid"])

    def test_not_stored(self):
        """§7.8: a message leaves the stream as it was"""
        stream = self.service.sync_streams.create().sid
        before = self.http("GET", f"/Streams/{stream}").body
        self.service.sync_streams(stream).stream_messages.create({"a": 1})
        self.assertEqual(self.http("GET", f"/Streams/{stream}").body, before)

    def test_message_data(self):
        """§7.8: a message's data is a JSON object"""
        stream = self.service.sync_streams(self.service.sync_streams.create().sid)
        for bad in ["[1]", "x", "5"]:
            self.refused(400, 54008, stream.stream_messages.create, bad)

    def test_no_data(self):
        """§7.7: a stream takes no Data: it is no update"""
        stream = self.service.sync_streams.create().sid
        self.fault(self.http("POST", f"/Streams/{stream}", {"Data": "{}"}), 400, 54010)


class Isolation(RestTest):
    """Two services know nothing of each other (sync-rest, 6: all is per service)."""

    def setUp(self):
        super().setUp()
        other = self.client.sync.v1.services.create()
        self.other_sid, self.other = other.sid, self.client.sync.v1.services(other.sid)

    def test_names(self):
        """§6: a name of one service is free in the other, and reaches its own object only"""
        for mine, other in zip(self.kinds(self.service), self.kinds(self.other)):
            one = mine.create(unique_name="n")
            self.refused(404, 20404, other("n").fetch)
            two = other.create(unique_name="n")
            self.assertNotEqual(one.sid, two.sid)
            self.assertEqual((mine("n").fetch().sid, other("n").fetch().sid), (one.sid, two.sid))

    def kinds(self, service):
        return [service.documents, service.sync_lists, service.sync_maps, service.sync_streams]

    def test_sids(self):
        """§6: a SID of one service is 404 in the other, to read, write and delete"""
        for mine, other in zip(self.kinds(self.service), self.kinds(self.other)):
            sid = mine.create(unique_name="n").sid
            for call in [other(sid).fetch, other(sid).delete, lambda: other(sid).update(ttl=5)]:
                self.refused(404, 20404, call)
            self.assertIsNone(mine(sid).fetch().date_expires)

    def test_beneath(self):
        """§6: items, grants and messages of one service's objects are 404 in the other"""
        a_list, a_map, stream, doc = [self.kinds(self.service)[it].create().sid for it in (1, 2, 3, 0)]
        self.service.sync_lists(a_list).sync_list_items.create({})
        self.service.sync_maps(a_map).sync_map_items.create("k", {})
        self.service.documents(doc).document_permissions("ada").update(True, True, True)
        for call in [
            self.other.sync_lists(a_list).sync_list_items(0).fetch, lambda: self.other.sync_lists(a_list).sync_list_items.create({}),
            self.other.sync_maps(a_map).sync_map_items("k").delete, lambda: self.other.sync_maps(a_map).sync_map_items("k").update(data={}),
            lambda: self.other.sync_streams(stream).stream_messages.create({}),
            self.other.documents(doc).document_permissions("ada").fetch, self.other.documents(doc).document_permissions("ada").delete,
            lambda: self.other.documents(doc).document_permissions("eve").update(True, True, True),
        ]:  # fmt: skip
            self.refused(404, 20404, call)
        self.assertEqual(self.unlisted(self.other.sync_maps(a_map).sync_map_items.list), (404, 20404))
        self.assertEqual(len(self.service.documents(doc).document_permissions.list()), 1)

    def test_listings(self):
        """§10: a listing shows its own service's objects"""
        for mine, other in zip(self.kinds(self.service), self.kinds(self.other)):
            mine.create()
            self.assertEqual(len(mine.list()), 1)
            self.assertEqual(other.list(), [])

    def test_deletion(self):
        """§7.1: a deleted service leaves the other's objects, items and grants of the same names"""
        for service in (self.service, self.other):
            service.sync_maps.create(unique_name="n")
            service.sync_maps("n").sync_map_items.create("k", {"in": service._solution["sid"]})
            service.sync_maps("n").sync_map_permissions("ada").update(True, False, False)
        self.service.delete()
        self.assertEqual(self.other.sync_maps("n").sync_map_items("k").fetch().data, {"in": self.other_sid})
        self.assertIs(self.other.sync_maps("n").sync_map_permissions("ada").fetch().read, True)

    def test_settings(self):
        """§7.1: settings are each service's own"""
        self.service.update(acl_enabled=True, friendly_name="mine")
        self.assertEqual((self.other.fetch().acl_enabled, self.other.fetch().friendly_name), (False, None))

    def test_counters(self):
        """§6: revisions and indexes of one service do not move the other's"""
        for service in (self.service, self.other):
            service.sync_lists.create(unique_name="n")
        for _ in range(3):
            self.service.sync_lists("n").sync_list_items.create({})
        self.assertEqual(self.other.sync_lists("n").sync_list_items.create({}).index, 0)


