"""All 48 operations, each through the library: method, path, status and every field of the reference, no more and no fewer."""

import json
import re
from datetime import datetime, timezone
from pathlib import Path

from support import DATE, SID, Client, RestTest
from twilio.http.http_client import TwilioHttpClient

LISTED = [line.split() for line in (Path(__file__).parents[1] / "operations.txt").read_text().splitlines() if line[0] != "#"]

OBJECT = {"sid", "unique_name", "account_sid", "service_sid", "url", "links", "date_expires", "date_created", "date_updated", "created_by"}
ITEM = {"account_sid", "service_sid", "url", "revision", "data", "date_expires", "date_created", "date_updated", "created_by"}
GRANT = {"account_sid", "service_sid", "identity", "read", "write", "manage", "url"}
FIELDS = {
    "Service": {
        "sid", "unique_name", "account_sid", "friendly_name", "date_created", "date_updated", "url", "webhook_url",
        "webhooks_from_rest_enabled", "reachability_webhooks_enabled", "acl_enabled", "reachability_debouncing_enabled",
        "reachability_debouncing_window", "links",
    },
    "Document": OBJECT | {"revision", "data"},
    "SyncList": OBJECT | {"revision"},
    "SyncMap": OBJECT | {"revision"},
    "SyncStream": OBJECT,
    "SyncListItem": ITEM | {"index", "list_sid"},
    "SyncMapItem": ITEM | {"key", "map_sid"},
    "StreamMessage": {"sid", "data"},
    "DocumentPermission": GRANT | {"document_sid"},
    "SyncListPermission": GRANT | {"list_sid"},
    "SyncMapPermission": GRANT | {"map_sid"},
}  # fmt: skip
KEYS = {
    "Service": "services", "Document": "documents", "SyncList": "lists", "SyncMap": "maps", "SyncStream": "streams",
    "SyncListItem": "items", "SyncMapItem": "items",
    "DocumentPermission": "permissions", "SyncListPermission": "permissions", "SyncMapPermission": "permissions",
}  # fmt: skip
PREFIX = {"Service": "IS", "Document": "ET", "SyncList": "ES", "SyncMap": "MP", "SyncStream": "TO", "StreamMessage": "TZ"}
LINKS = {
    "Service": {"documents", "lists", "maps", "streams"}, "Document": {"permissions"}, "SyncList": {"items", "permissions"},
    "SyncMap": {"items", "permissions"}, "SyncStream": {"messages"},
}  # fmt: skip


class Recorder(TwilioHttpClient):
    """The library's own client, which keeps what it last sent and got."""

    def request(self, method, url, *args, **named):
        self.method, self.url = method, url
        self.response = super().request(method, url, *args, **named)
        return self.response


class Operations(RestTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorder = Recorder()
        cls.recorded = Client(cls.airlock.key, cls.airlock.secret, account_sid=cls.airlock.account, http_client=cls.recorder)
        cls.recorded.sync.base_url = cls.airlock.url

    def place(self, resource):
        """The contexts of one resource: (its collection, the context of one), with what they stand in."""
        v1 = self.recorded.sync.v1
        service = v1.services(self.sid)
        parent = {
            "Document": lambda: service.documents, "SyncList": lambda: service.sync_lists, "SyncMap": lambda: service.sync_maps,
            "SyncStream": lambda: service.sync_streams,
        }  # fmt: skip
        if resource == "Service":
            return v1.services, {}
        if resource in parent:
            return parent[resource](), {}
        if resource == "SyncListItem":
            return service.sync_lists(service.sync_lists.create().sid).sync_list_items, {"data": {"v": 1}}
        if resource == "SyncMapItem":
            return service.sync_maps(service.sync_maps.create().sid).sync_map_items, {"key": "k", "data": {"v": 1}}
        if resource == "StreamMessage":
            return service.sync_streams(service.sync_streams.create().sid).stream_messages, {"data": {"v": 1}}
        kind = resource.removesuffix("Permission")
        collection = parent[kind]()
        one = collection(collection.create().sid)
        word = {"Document": "document_permissions", "SyncList": "sync_list_permissions", "SyncMap": "sync_map_permissions"}[kind]
        return getattr(one, word), {}

    def drive(self, verb, resource):
        collection, form = self.place(resource)
        grants = resource.endswith("Permission")
        if verb == "Create":
            return collection.create_with_http_info(**form)
        if grants:
            name = "ada"
            collection(name).update(read=True, write=False, manage=False)
        else:
            made = collection.create(**form)
            name = made.index if resource == "SyncListItem" else made.key if resource == "SyncMapItem" else made.sid
        if verb == "List":
            return collection.page_with_http_info(page_size=20)
        one = collection(name)
        if verb == "Fetch":
            return one.fetch_with_http_info()
        if verb == "Delete":
            return one.delete_with_http_info()
        changed = {"friendly_name": "new"} if resource == "Service" else {"data": {"v": 2}}
        changed = {"ttl": 60} if resource in ("SyncList", "SyncMap", "SyncStream") else changed
        return one.update_with_http_info(**({"read": False, "write": True, "manage": True} if grants else changed))

    def check(self, operation, method, status, path):
        verb, resource = re.match("(Create|Fetch|Update|Delete|List)(.*)", operation).groups()
        seen = self.drive(verb, resource)
        self.assertEqual(seen.status_code, int(status))
        self.assertEqual(self.recorder.method, method)
        pattern = re.sub(r"\\\{\w+\\\}", "[^/?]+", re.escape(path))
        self.assertRegex(self.recorder.url, f"^{re.escape(self.airlock.url)}{pattern}([?].*)?$")
        if verb == "Delete":
            self.assertIs(seen.data, True)
            self.assertEqual(self.recorder.response.text, "")
            return
        body = json.loads(self.recorder.response.text)
        rows = body[KEYS[resource]] if verb == "List" else [body]
        if verb == "List":
            self.assertEqual(set(body), {KEYS[resource], "meta"})
            self.assertEqual(body["meta"]["key"], KEYS[resource])
            self.assertEqual(
                set(body["meta"]), {"first_page_url", "key", "next_page_url", "page", "page_size", "previous_page_url", "url"}
            )
            self.assertTrue(list(seen.data))
        self.assertTrue(rows)
        for row in rows:
            self.fields(resource, row)
        if verb != "List" and "date_created" in FIELDS[resource]:
            self.assertEqual(seen.data.date_created.tzinfo, timezone.utc)
            self.assertIsInstance(seen.data.date_updated, datetime, "the library reads the date (§4.1)")

    def fields(self, resource, row):
        self.assertEqual(set(row), FIELDS[resource])
        own = self.airlock.account
        for name, value in row.items():
            if name == "account_sid":
                self.assertEqual(value, own)
            elif name == "service_sid":
                self.assertEqual(value, self.sid)
            elif name in ("date_created", "date_updated"):
                self.assertRegex(value, f"^{DATE.pattern}$")
            elif name == "revision":
                self.assertRegex(value, "^(0|[1-9a-f][0-9a-f]*)$")
            elif name in ("index", "reachability_debouncing_window"):
                self.assertIs(type(value), int)
            elif name in ("read", "write", "manage") or name.endswith("_enabled"):
                self.assertIs(type(value), bool)
            elif name == "data":
                self.assertIs(type(value), dict)
            elif name == "created_by":
                self.assertEqual(value, "system")
        if resource in PREFIX:
            self.assertRegex(row["sid"], f"^{SID[PREFIX[resource]].pattern}$")
        if resource in LINKS:
            self.assertEqual(row["links"], {word: f"{row['url']}/{word.capitalize()}" for word in LINKS[resource]})
        if "url" in row:
            self.assertTrue(row["url"].startswith(f"{self.airlock.url}/v1/Services/IS"), row["url"])


def claim(operation, method, status, path):
    def test(self):
        self.check(operation, method, status, path)

    test.__doc__ = f"§7: {operation} is {method} {path}, answered {status} with the fields of the reference"
    return test


for row in LISTED:
    setattr(Operations, f"test_{row[0]}", claim(row[0], row[1], row[2], row[3]))
assert len(LISTED) == 48
