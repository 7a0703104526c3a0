"""Twelve steps with one release of the server library, in a process of its own.

Where the server is comes as JSON in SMOKE. Prints a line of JSON for each step; the first that fails ends it.
"""

import json
import os
import sys
import urllib.request

for name in ("TWILIO_REGION", "TWILIO_EDGE"):
    os.environ.pop(name, None)
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import twilio  # noqa: E402
from twilio.base.exceptions import TwilioRestException  # noqa: E402
from twilio.jwt.access_token import AccessToken  # noqa: E402
from twilio.jwt.access_token.grants import SyncGrant  # noqa: E402
from twilio.rest import Client  # noqa: E402

SMOKE = json.loads(os.environ["SMOKE"])
NAME = "smoke-" + twilio.__version__
steps = []


def step(what):
    """Runs a function as the next step."""

    def run(act):
        steps.append(what)
        try:
            act()
        except BaseException as error:
            print(json.dumps({"step": len(steps), "what": what, "ok": False, "error": repr(error)}))
            raise SystemExit(1) from error
        print(json.dumps({"step": len(steps), "what": what, "ok": True}))

    return run


def equal(got, expected):
    if got != expected:
        raise AssertionError(f"{got!r} is not {expected!r}")


def refused(status, code, call, *args, **named):
    try:
        call(*args, **named)
    except TwilioRestException as error:
        return equal((error.status, error.code), (status, code))
    raise AssertionError(f"{call} is not refused")


print(json.dumps({"version": twilio.__version__}))
client = Client(SMOKE["key"], SMOKE["secret"], account_sid=SMOKE["account"])
client.sync.base_url = SMOKE["url"]
service = client.sync.services(SMOKE["service"])


@step("the service is fetched")
def _():
    equal(service.fetch().sid, SMOKE["service"])


@step("a document is made and fetched by name and SID")
def _():
    global doc
    made = service.documents.create(unique_name=NAME, data={"n": 1, "text": "é"})
    by_name = service.documents(NAME).fetch()
    equal((by_name.sid, by_name.data, by_name.revision, by_name.created_by), (made.sid, {"n": 1, "text": "é"}, "0", "system"))
    equal(type(service.documents(made.sid).fetch().date_created).__name__, "datetime")
    doc = service.documents(made.sid)


@step("a condition that holds passes, and one that does not is 412")
def _():
    equal(doc.update(data={"n": 2}, if_match="0").revision, "1")
    refused(412, 54103, doc.update, data={"n": 3}, if_match="0")
    equal(doc.fetch().data, {"n": 2})


@step("a time to live is set and taken away")
def _():
    equal(type(doc.update(ttl=600).date_expires).__name__, "datetime")
    never = doc.update(ttl=0)
    equal((never.date_expires, never.revision), (None, "1"))


@step("items are appended to a list")
def _():
    global items
    items = service.sync_lists(service.sync_lists.create(unique_name=NAME).sid).sync_list_items
    equal([items.create(data={"n": n}).index for n in range(7)], list(range(7)))


@step("a list is paged through")
def _():
    equal([it.data["n"] for it in items.list(page_size=3)], list(range(7)))
    equal([it.index for it in items.list(order="desc", from_="4", bounds="exclusive", limit=2)], [3, 2])


@step("an item of a list is changed and removed")
def _():
    equal(items(3).update(data={"n": "three"}).revision, "1")
    equal(items(3).delete(), True)
    refused(404, 20404, items(3).fetch)


@step("items are put into a map, each key once")
def _():
    global entries
    entries = service.sync_maps(service.sync_maps.create(unique_name=NAME, ttl=600).sid).sync_map_items
    equal([entries.create(key=key, data={"key": key}).key for key in ["b", "a", "c d"]], ["b", "a", "c d"])
    refused(409, 54208, entries.create, key="a", data={})


@step("a map is listed by key")
def _():
    equal([it.key for it in entries.list()], ["a", "b", "c d"])
    equal(entries("c d").fetch().data, {"key": "c d"})
    equal(entries("b").delete(), True)


@step("a message goes through a stream")
def _():
    stream = service.sync_streams.create(unique_name=NAME)
    message = service.sync_streams(stream.sid).stream_messages.create(data={"text": "hello"})
    equal((message.sid[:2], message.data), ("TZ", {"text": "hello"}))


@step("grants are made, listed and taken away")
def _():
    grants = doc.document_permissions
    grants("ada").update(read=True, write=False, manage=False)
    equal([(it.identity, it.read, it.write, it.manage) for it in grants.list()], [("ada", True, False, False)])
    equal(grants("ada").delete(), True)
    refused(404, 20404, grants("ada").fetch)


@step("a token of the library is good, and a removed document is gone")
def _():
    token = AccessToken(SMOKE["account"], SMOKE["key"], SMOKE["secret"], identity="ada", ttl=60)
    token.add_grant(SyncGrant(service_sid=SMOKE["service"]))
    jwt = token.to_jwt()
    jwt = jwt.decode() if isinstance(jwt, bytes) else jwt
    request = urllib.request.Request(f"{SMOKE['url']}/v3/Documents/{NAME}", headers={"Authorization": f"Bearer {jwt}"})
    with urllib.request.urlopen(request) as shown:
        equal(json.load(shown)["data"], {"n": 2})
    equal(doc.delete(), True)
    refused(404, 20404, doc.fetch)


sys.exit(0)
