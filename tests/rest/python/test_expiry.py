"""Times to live (sync-rest, 8). What expires is made first, at once, and judged when all of it is due."""

import time
from datetime import datetime, timezone

from support import DATE, RestTest

YEAR = 31_536_000


def at(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


class Seconds(RestTest):
    """How long, as parameters say it."""

    def lasts(self, made, seconds):
        """`date_expires` is now + seconds, of the clock that gives the other dates."""
        self.assertEqual((made.date_expires - made.date_updated).total_seconds(), seconds)

    def test_exactly(self):
        """§8: date_expires is now + Ttl exactly, of each kind"""
        for kind in (self.service.documents, self.service.sync_lists, self.service.sync_maps, self.service.sync_streams):
            self.lasts(kind.create(ttl=3600), 3600)
        for items, add in self.collections():
            self.lasts(add({}, ttl=77), 77)

    def test_bounds(self):
        """§8: a TTL is an integer from 0 to 31,536,000, else 400/54011, under each of its names"""
        self.lasts(self.service.documents.create(ttl=YEAR), YEAR)
        a_list, doc = self.service.sync_lists.create().sid, self.service.documents.create().sid
        stream = self.service.sync_streams.create().sid
        self.service.sync_lists(a_list).sync_list_items.create({})
        for bad in ["-1", YEAR + 1, "1.5", "x", "1e3", "0x10", "99999999999999999999", "+5", "5 "]:
            for path, name in [("/Documents", "Ttl"), (f"/Documents/{doc}", "Ttl"), ("/Lists", "CollectionTtl"), (f"/Lists/{a_list}", "Ttl"),
                               (f"/Lists/{a_list}/Items/0", "ItemTtl"), (f"/Lists/{a_list}/Items/0", "Ttl"), ("/Streams", "Ttl"), (f"/Streams/{stream}", "Ttl")]:  # fmt: skip
                self.fault(self.http("POST", path, {name: bad}), 400, 54011)
            self.fault(self.http("POST", f"/Lists/{a_list}/Items", {"Data": "{}", "CollectionTtl": bad}), 400, 54011)
        self.assertIsNone(self.service.documents(doc).fetch().date_expires)
        self.assertEqual(len(self.service.sync_lists(a_list).sync_list_items.list()), 1)

    def test_zero_on_creation(self):
        """§8: 0 on creation means that it never expires"""
        for kind in (self.service.documents, self.service.sync_lists, self.service.sync_maps, self.service.sync_streams):
            self.assertIsNone(kind.create(ttl=0).date_expires)
        for items, add in self.collections():
            self.assertIsNone(add({}, item_ttl=0).date_expires)

    def test_zero_clears(self):
        """§8: 0 on update takes the expiry away, of each kind and of items"""
        for kind in (self.service.documents, self.service.sync_lists, self.service.sync_maps, self.service.sync_streams):
            made = kind.create(ttl=60)
            self.assertIsNone(kind(made.sid).update(ttl=0).date_expires)
            self.assertIsNone(kind(made.sid).fetch().date_expires)
        for items, add in self.collections():
            item = add({}, ttl=60)
            self.assertIsNone(items(getattr(item, "key", 0)).update(item_ttl=0).date_expires)

    def test_data_does_not_push(self):
        """§8: an update of the data leaves the expiry where it was"""
        doc = self.service.documents.create(ttl=60)
        self.assertEqual(self.service.documents(doc.sid).update(data={"a": 1}).date_expires, doc.date_expires)
        for items, add in self.collections():
            item = add({}, ttl=60)
            self.assertEqual(items(getattr(item, "key", 0)).update(data={"a": 1}).date_expires, item.date_expires)

    def test_alias_of_collections(self):
        """§8: on a list or map Ttl is an alias of CollectionTtl, which wins"""
        for kind in (self.service.sync_lists, self.service.sync_maps):
            made = kind.create(ttl=60, collection_ttl=120)
            self.lasts(made, 120)
            self.lasts(kind.create(collection_ttl=30), 30)
            self.assertIsNone(kind(made.sid).update(ttl=60, collection_ttl=0).date_expires)

    def test_alias_of_items(self):
        """§8: on an item Ttl is an alias of ItemTtl, which wins, also when it is 0"""
        for items, add in self.collections():
            item = add({}, ttl=60, item_ttl=120)
            self.lasts(item, 120)
            self.assertIsNone(items(getattr(item, "key", 0)).update(ttl=60, item_ttl=0).date_expires)

    def test_collection_ttl_on_creation(self):
        """§8: CollectionTtl beside ItemTtl on an item's creation sets the parent's expiry, each its own"""
        for kind, word in ((self.service.sync_lists, "sync_list_items"), (self.service.sync_maps, "sync_map_items")):
            made = kind.create(ttl=7)
            key = {"key": "k"} if "map" in word else {}
            item = getattr(kind(made.sid), word).create(data={}, item_ttl=60, collection_ttl=600, **key)
            parent = kind(made.sid).fetch()
            self.lasts(item, 60)
            self.assertEqual((parent.date_expires - item.date_created).total_seconds(), 600)

    def test_collection_ttl_on_update(self):
        """§8: CollectionTtl on an item's update does so too, and 0 clears the parent's"""
        self.service.sync_maps.create(unique_name="m", ttl=60)
        self.service.sync_maps("m").sync_map_items.create("k", {})
        items = self.service.sync_maps("m").sync_map_items
        changed = items("k").update(data={"a": 1}, collection_ttl=0)
        self.assertEqual((changed.date_expires, self.service.sync_maps("m").fetch().date_expires), (None, None))
        items("k").update(ttl=5, collection_ttl=900)
        self.assertAlmostEqual(self.service.sync_maps("m").fetch().date_expires.timestamp(), time.time() + 900, delta=5)

    def test_items_of_an_expiring_container(self):
        """§8: an item without a TTL of its own shows null, also where the container expires"""
        a_list = self.service.sync_lists.create(ttl=60).sid
        self.assertIsNone(self.service.sync_lists(a_list).sync_list_items.create({}).date_expires)

    def test_parent_is_left(self):
        """§8: Ttl and ItemTtl of an item leave the parent's expiry alone"""
        made = self.service.sync_lists.create()
        self.service.sync_lists(made.sid).sync_list_items.create({}, ttl=5, item_ttl=6)
        self.assertIsNone(self.service.sync_lists(made.sid).fetch().date_expires)

    def test_together_with_data(self):
        """§7.2: Data and Ttl may come together: one change"""
        doc = self.service.documents.create()
        changed = self.service.documents(doc.sid).update(data={"a": 1}, ttl=60)
        self.assertEqual((changed.revision, changed.data), ("1", {"a": 1}))
        self.lasts(changed, 60)


class Due(RestTest):
    """Everything here was made with 2 seconds to live; by the first test it is over."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.here = cls.client.sync.v1.services(cls.client.sync.v1.services.create().sid)
        here, brief = cls.here, {"ttl": 2}
        cls.made = {
            "documents": here.documents.create(unique_name="n", data={"old": 1}, **brief),
            "sync_lists": here.sync_lists.create(unique_name="n", **brief),
            "sync_maps": here.sync_maps.create(unique_name="n", **brief),
            "sync_streams": here.sync_streams.create(unique_name="n", **brief),
        }
        here.sync_lists("n").sync_list_items.create({})
        here.sync_maps("n").sync_map_items.create("k", {})
        here.sync_maps("n").sync_map_permissions("ada").update(True, True, True)
        here.documents("n").document_permissions("ada").update(True, True, True)
        here.sync_maps.create(unique_name="stays")
        here.sync_lists.create(unique_name="stays")
        items, others = here.sync_maps("stays").sync_map_items, here.sync_lists("stays").sync_list_items
        items.create("brief", {}, **brief)
        items.create("kept", {}, item_ttl=60)
        items.create("cleared", {}, **brief)
        items("cleared").update(ttl=0)
        others.create({}, **brief)
        others.create({})
        here.sync_maps.create(unique_name="by item")
        here.sync_maps("by item").sync_map_items.create("k", {}, collection_ttl=2)
        here.documents.create(unique_name="prolonged", **brief)
        here.documents("prolonged").update(ttl=60)
        touched = here.documents.create(unique_name="dates")
        cls.dates = touched
        cls.watched = here.documents.create(unique_name="watched", **brief)
        # To the second: it stands before its date, and does not one second after what the date shows of it.
        expires = cls.watched.date_expires.timestamp()
        cls.last_seen, cls.first_gone = 0.0, None
        while cls.first_gone is None and time.time() < expires + 3:
            asked = time.time()
            status = cls.airlock.http("GET", cls.watched.url).status
            if status == 200:
                cls.last_seen = asked
            else:
                cls.first_gone = time.time()
            time.sleep(0.02)
        cls.expires = expires
        time.sleep(0.1)

    def gone(self, *calls):
        for call in calls:
            self.refused(404, 20404, call)

    def test_00_to_the_second(self):
        """§8: an object stands until its date_expires and is gone when that second is over"""
        self.assertIsNotNone(self.first_gone, "it never went")
        self.assertGreater(self.last_seen, self.expires - 0.5)
        self.assertLess(self.last_seen, self.expires + 1)
        self.assertLess(self.expires - 0.1, self.first_gone)

    def test_01_gone_from_listings(self):
        """§8: listings show nothing that has expired, objects and items"""
        self.assertEqual([it.unique_name for it in self.here.documents.list()], ["prolonged", "dates"])
        self.assertEqual([it.unique_name for it in self.here.sync_maps.list()], ["stays"])
        self.assertEqual(self.here.sync_streams.list(), [])
        self.assertEqual([it.key for it in self.here.sync_maps("stays").sync_map_items.list()], ["cleared", "kept"])
        self.assertEqual([it.index for it in self.here.sync_lists("stays").sync_list_items.list()], [1])

    def test_02_gone_from_reads_and_writes(self):
        """§8: what has expired is 404 to fetch, update and delete, by name and by SID"""
        for word, made in self.made.items():
            kind = getattr(self.here, word)
            self.gone(kind("n").fetch, kind(made.sid).fetch, lambda: kind("n").update(ttl=60), kind("n").delete, kind(made.sid).delete)

    def test_03_items_of_expired_containers(self):
        """§8: an expired container takes its items and grants along"""
        self.gone(
            self.here.sync_lists("n").sync_list_items(0).fetch, self.here.sync_maps("n").sync_map_items("k").fetch,
            lambda: self.here.sync_lists("n").sync_list_items.create({}), self.here.sync_maps("n").sync_map_permissions("ada").fetch,
            self.here.sync_maps("by item").sync_map_items("k").fetch, self.here.sync_maps("by item").fetch,
            lambda: self.here.sync_streams("n").stream_messages.create({}),
        )  # fmt: skip

    def test_04_expired_items(self):
        """§8: an expired item is 404 to read, update and delete, while its neighbours stand"""
        brief, first = self.here.sync_maps("stays").sync_map_items("brief"), self.here.sync_lists("stays").sync_list_items(0)
        self.gone(brief.fetch, lambda: brief.update(data={}), lambda: brief.update(ttl=9), brief.delete)
        self.gone(first.fetch, lambda: first.update(data={}), first.delete)
        self.assertIsNone(self.here.sync_maps("stays").sync_map_items("cleared").fetch().date_expires)

    def test_05_prolonged(self):
        """§8: a new TTL counts from its own time: what was prolonged stands"""
        self.assertEqual(self.here.documents("prolonged").fetch().revision, "0")

    def test_06_date_updated(self):
        """§6: date_updated moves with a change, date_created does not"""
        changed = self.here.documents("dates").update(data={"a": 1})
        self.assertEqual(changed.date_created, self.dates.date_created)
        self.assertGreater(changed.date_updated, self.dates.date_updated)
        raw = self.airlock.http("GET", changed.url).body
        self.assertRegex(raw["date_updated"], f"^{DATE.pattern}$")
        self.assertAlmostEqual(at(raw["date_updated"]), time.time(), delta=2)

    def test_07_name_is_free(self):
        """§6: the name of what expired is free, and the new object starts at nothing: revision, data, items, grants"""
        for word, old in self.made.items():
            new = getattr(self.here, word).create(unique_name="n")
            self.assertNotEqual(new.sid, old.sid)
            self.assertIsNone(new.date_expires)
        self.assertEqual((self.here.documents("n").fetch().data, self.here.documents("n").fetch().revision), ({}, "0"))
        self.assertEqual(self.here.sync_maps("n").sync_map_items.list(), [])
        self.assertEqual(self.here.sync_maps("n").sync_map_permissions.list(), [])
        self.assertEqual(self.here.documents("n").document_permissions.list(), [])
        self.assertEqual(self.here.sync_lists("n").sync_list_items.create({}).index, 0)

    def test_08_key_is_free(self):
        """§8: the key of an expired item is free, from revision 0; an expired index is not used again"""
        self.assertEqual(self.here.sync_maps("stays").sync_map_items.create("brief", {}).revision, "0")
        self.assertGreaterEqual(self.here.sync_lists("stays").sync_list_items.create({}).index, 2)
