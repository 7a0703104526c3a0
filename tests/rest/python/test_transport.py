"""How requests arrive and answers leave: credentials, paths, methods, forms, sizes, connections (sync-rest, 1 to 5)."""

import asyncio
import json
import statistics
import time

from support import KIB_16, LONG, Airlock, RestTest, segment, shared, sized
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

_idle = {}


def setUpModule():
    # Idle from here on, judged by the last test.
    _idle["connection"] = shared().connect()
    shared().http("GET", "/v1/Services", connection=_idle["connection"])
    _idle["since"] = time.monotonic()


def tearDownModule():
    _idle["connection"].close()


class Credentials(RestTest):
    def test_none(self):
        """§1: no credential is 401/20003 `Authenticate`, in JSON"""
        self.fault(self.http("GET", authorization={}), 401, 20003, "Authenticate")

    def test_before_routing(self):
        """§1: the 401 is the same whether or not there is something: authentication comes before routing"""
        doc = self.service.documents.create()
        paths = [f"/v1/Services/{self.sid}/Documents/{doc.sid}", f"/v1/Services/{self.sid}/Documents/none", "/v1/Nothing", "/v1/Services/x/y/z"]
        wrong = self.airlock.authorization(self.airlock.key, "wrong")
        answers = {self.airlock.http(method, path, authorization=wrong).text for path in paths for method in ("GET", "DELETE", "PUT")}
        self.assertEqual(len(answers), 1, answers)
        self.assertEqual(json.loads(answers.pop())["code"], 20003)

    def test_wrong_secret(self):
        """§1: a key with a wrong secret raises 401/20003 in the library"""
        stranger = self.airlock.client(password="wrong" * 8)
        self.refused(401, 20003, stranger.sync.v1.services(self.sid).fetch, message="Authenticate")

    def test_crossed(self):
        """§1: a key's secret is not the account's, nor the other way round"""
        for user, password in [(self.airlock.account, self.airlock.secret), (self.airlock.key, self.airlock.token)]:
            self.refused(401, 20003, self.airlock.client(user, password).sync.v1.services(self.sid).fetch)

    def test_other_schemes(self):
        """§1: only Basic counts: Bearer and broken headers are 401"""
        for header in ["Bearer " + self.airlock.secret, "Basic", "Basic %%%", "Basic bm9jb2xvbg==", ""]:
            self.fault(self.http("GET", authorization={"Authorization": header}), 401, 20003)

    def test_account_and_token(self):
        """§1: account and auth token are as good as a key and its secret"""
        doc = self.service.documents.create(data={"a": 1})
        account = Client(self.airlock.account, self.airlock.token)
        account.sync.base_url = self.airlock.url
        self.assertEqual(account.sync.v1.services(self.sid).documents(doc.sid).fetch().data, {"a": 1})

    def test_refused_writes_nothing(self):
        """§5.3: a write with a bad credential changes nothing"""
        doc = self.service.documents.create(data={"a": 1})
        wrong = self.airlock.authorization(password="wrong")
        self.http("POST", f"/Documents/{doc.sid}", {"Data": "{}"}, authorization=wrong)
        self.http("DELETE", f"/Documents/{doc.sid}", authorization=wrong)
        self.assertEqual(self.service.documents(doc.sid).fetch().data, {"a": 1})


class Pointing(RestTest):
    def test_slash_at_the_end_of_the_base(self):
        """§2: a base URL with a slash at its end works"""
        client = self.airlock.client()
        client.sync.base_url = self.airlock.url + "/"
        self.assertEqual(client.sync.v1.services(self.sid).fetch().sid, self.sid)

    def test_async_client(self):
        """§2: the async client works with the same line, listings too"""

        async def use():
            async with AsyncTwilioHttpClient() as http:
                client = Client(self.airlock.key, self.airlock.secret, account_sid=self.airlock.account, http_client=http)
                client.sync.base_url = self.airlock.url
                documents = client.sync.v1.services(self.sid).documents
                made = await documents.create_async(unique_name="é a+b", data={"n": 1})
                changed = await documents("é a+b").update_async(data={"n": 2}, if_match=made.revision)
                listed = [it.sid for it in await documents.list_async(page_size=1)]
                return made.sid, changed.data, listed, await documents(made.sid).delete_async()

        sid, data, listed, gone = asyncio.run(use())
        self.assertEqual((data, listed, gone), ({"n": 2}, [sid], True))

    def test_host_of_the_request(self):
        """§4.4: without a configured base, URLs come from the request's scheme and Host"""
        answer = self.airlock.http("GET", f"/v1/Services/{self.sid}", headers={"Host": "sync.test:81"})
        self.assertEqual(answer.body["url"], f"http://sync.test:81/v1/Services/{self.sid}")
        page = self.http("GET", "/Documents", headers={"Host": "sync.test:81"}).body
        self.assertTrue(page["meta"]["first_page_url"].startswith("http://sync.test:81/v1/"), page)


class PublicUrl(RestTest):
    @classmethod
    def setUpClass(cls):
        cls.airlock = Airlock("--public-url", "https://sync.example.org/base/")
        cls.client = cls.airlock.client()

    @classmethod
    def tearDownClass(cls):
        cls.airlock.stop()

    def test_base(self):
        """§4.4: with a configured public base all URLs begin with it: own, links, pages, items, grants"""
        made = self.service.sync_maps.create()
        items = self.service.sync_maps(made.sid).sync_map_items
        items.create("k", {})
        items.create("l", {})
        page = self.http("GET", f"/Maps/{made.sid}/Items?PageSize=1").body
        grant = self.service.sync_maps(made.sid).sync_map_permissions("ada").update(True, True, True)
        urls = [made.url, *made.links.values(), grant.url, page["items"][0]["url"]]
        urls += [page["meta"][it] for it in ("url", "first_page_url", "next_page_url")]
        for url in urls:
            self.assertTrue(url.startswith(f"https://sync.example.org/base/v1/Services/{self.sid}/Maps/{made.sid}"), url)


class Routes(RestTest):
    def test_unknown_path(self):
        """§1: an unknown path is 404/20404, naming the path without /v1"""
        self.fault(self.http("GET", "/Nothing"), 404, 20404, f"The requested resource /Services/{self.sid}/Nothing was not found")

    def test_missing_object(self):
        """§5.1: what is missing is 404/20404 on this plane, whatever its kind"""
        lists, maps, service = self.service.sync_lists, self.service.sync_maps, self.service
        made, other = lists.create(), maps.create()
        for call in [
            service.documents("none").fetch, service.documents("ET" + "0" * 32).fetch,
            lists("none").fetch, lists("ES" + "0" * 32).update, maps("none").delete, service.sync_streams("TO" + "0" * 32).fetch,
            lists(made.sid).sync_list_items(7).fetch, maps(other.sid).sync_map_items("none").fetch,
            lambda: service.sync_streams("none").stream_messages.create({}),
            maps(other.sid).sync_map_permissions("nobody").fetch,
            self.client.sync.v1.services("IS" + "0" * 32).fetch,
        ]:  # fmt: skip
            with self.subTest(call):
                self.refused(404, 20404, call, message="was not found")

    def test_sid_of_another_kind(self):
        """§6: a SID names an object of its own kind only"""
        sid = self.service.sync_maps.create().sid
        self.fault(self.http("GET", f"/Documents/{sid}"), 404, 20404)
        self.fault(self.http("GET", f"/Lists/{sid}"), 404, 20404)

    def test_words_are_case_sensitive(self):
        """§1: the words of a path are case-sensitive"""
        for path in ["/documents", "/LISTS", "/maps"]:
            self.fault(self.http("GET", path), 404, 20404)
        self.fault(self.airlock.http("GET", "/v1/services"), 404, 20404)
        self.fault(self.airlock.http("GET", "/V1/Services"), 404, 20404)

    def test_nothing_beneath(self):
        """§7: documents have no items, streams no permissions, lists no messages: 404/20404"""
        doc, stream = self.service.documents.create().sid, self.service.sync_streams.create().sid
        a_list = self.service.sync_lists.create().sid
        for path in [f"/Documents/{doc}/Items", f"/Streams/{stream}/Permissions", f"/Streams/{stream}/Permissions/ada",
                     f"/Streams/{stream}/Items", f"/Lists/{a_list}/Messages", f"/Lists/{a_list}/Items/0/x"]:  # fmt: skip
            self.fault(self.http("GET", path), 404, 20404)

    def test_outside_v1(self):
        """§4.6: what is under no door is JSON too"""
        for path in ["/", "/v2/Services", "/favicon.ico"]:
            self.fault(self.airlock.http("GET", path), 404, 20404)

    def test_methods(self):
        """§1: other methods than GET, POST and DELETE are 405/20004 in JSON: PUT, PATCH, TRACE, one nobody knows"""
        doc = self.service.documents.create(data={"a": 1})
        for method in ["PUT", "PATCH", "TRACE", "BREW"]:
            with self.subTest(method):
                self.fault(self.http(method, f"/Documents/{doc.sid}"), 405, 20004)
        self.assertEqual(self.service.documents(doc.sid).fetch().data, {"a": 1})

    def test_head(self):
        """§1: HEAD is no method of this plane either: 405 and no body"""
        answer = self.http("HEAD")
        self.assertEqual((answer.status, answer.text), (405, ""))

    def test_methods_of_a_resource(self):
        """§7: a method that this resource has not is 405/20004: DELETE of a collection, GET of messages, POST of all permissions"""
        sids = {"Documents": self.service.documents.create().sid, "Maps": self.service.sync_maps.create().sid, "Streams": self.service.sync_streams.create().sid}
        for method, path in [
            ("DELETE", "/Documents"), ("DELETE", "/Streams"), ("DELETE", f"/Maps/{sids['Maps']}/Items"),
            ("GET", f"/Streams/{sids['Streams']}/Messages"), ("DELETE", f"/Streams/{sids['Streams']}/Messages"),
            ("POST", f"/Documents/{sids['Documents']}/Permissions"), ("DELETE", f"/Maps/{sids['Maps']}/Permissions"),
        ]:  # fmt: skip
            with self.subTest(f"{method} {path}"):
                self.fault(self.http(method, path), 405, 20004)
        self.fault(self.airlock.http("DELETE", "/v1/Services"), 405, 20004)

    def test_trailing_slash(self):
        """§1: a slash at the end is tolerated, of collections, objects, items and grants"""
        sid = self.service.sync_maps.create(unique_name="m").sid
        self.service.sync_maps(sid).sync_map_items.create("k", {})
        self.service.sync_maps(sid).sync_map_permissions("ada").update(True, False, False)
        for path in ["/", "/Maps/", "/Maps/m/", "/Maps/m/Items/", "/Maps/m/Items/k/", "/Maps/m/Permissions/ada/"]:
            self.assertEqual(self.http("GET", path).status, 200, path)
        self.assertEqual(self.http("POST", "/Documents/", {}).status, 201)

    def test_never_redirects(self):
        """§4.5: nothing is answered with a redirect"""
        for path in ["/v1", "/v1/", "/v1/Services/", "//v1/Services", "/v1//Services"]:
            answer = self.airlock.http("GET", path)
            self.assertNotEqual(answer.status // 100, 3, path)


class Segments(RestTest):
    """Each segment of a path is decoded by itself (sync-rest, 3)."""

    def named(self, name):
        return self.service.documents.create(unique_name=name, data={"name": name})

    def reached(self, path, name):
        answer = self.http("GET", f"/Documents/{path}")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.body["data"], {"name": name})

    def test_space(self):
        """§3: a space in a name comes as %20"""
        self.named("a b")
        self.assertEqual(self.service.documents("a b").fetch().unique_name, "a b")
        self.reached("a%20b", "a b")

    def test_plus(self):
        """§3: a plus in a path is a plus, not a space"""
        self.named("a+b")
        self.named("a b")
        self.assertEqual(self.service.documents("a+b").fetch().unique_name, "a+b")
        self.reached("a%2Bb", "a+b")

    def test_unicode(self):
        """§3: letters outside ASCII come as %XX of their UTF-8"""
        for name in ["é", "Ключ", "😀 ok"]:
            made = self.named(name)
            self.assertEqual(self.service.documents(name).fetch().sid, made.sid)
            self.reached(segment(name), name)

    def test_marks(self):
        """§3: `: @ ; = , ~ & $ ! *` pass as they are"""
        name = "a:b@c;d=e,f~g&h$i!j*k'(l)"
        made = self.named(name)
        self.assertEqual(self.service.documents(name).fetch().sid, made.sid)

    def test_encoded_slash(self):
        """§3: %2F inside a segment is a slash of the name, as a parent of items too"""
        self.named("a/b/c")
        self.reached("a%2Fb%2Fc", "a/b/c")
        self.service.sync_maps.create(unique_name="x/y")
        self.assertEqual(self.http("POST", "/Maps/x%2Fy/Items", {"Key": "k/1", "Data": "{}"}).status, 201)
        self.assertEqual(self.http("GET", "/Maps/x%2fy/Items/k%2f1").body["key"], "k/1")

    def test_encoded_question_mark_and_hash(self):
        """§3: ? and # are reached when they are encoded"""
        self.named("what?#1")
        self.reached("what%3F%231", "what?#1")

    def test_literal_percent(self):
        """§3: a % without two hexadecimal digits behind it is a percent sign"""
        for name in ["50%", "%zz", "100% sure", "%4"]:
            self.named(name)
            self.reached(name.replace(" ", "%20"), name)
        self.reached("50%25", "50%")

    def test_decoded_once(self):
        """§3: a segment is decoded once: %2541 is the name `%41`, %41 is `A`"""
        self.named("%41")
        self.named("A")
        self.reached("%2541", "%41")
        self.reached("%41", "A")

    def test_dots(self):
        """§3: `..` and `.` are names, not steps"""
        self.named("..")
        self.reached("%2E%2E", "..")
        self.assertEqual(self.http("GET", "/Documents/..").body["data"], {"name": ".."})

    def test_key_and_identity(self):
        """§6: keys and identities are percent-encoded in `url`, and the url leads there"""
        sid = self.service.sync_maps.create().sid
        item = self.service.sync_maps(sid).sync_map_items.create("é/ +?%", {"n": 1})
        self.assertTrue(item.url.endswith("/Items/%C3%A9%2F%20%2B%3F%25"), item.url)
        self.assertEqual(self.airlock.http("GET", item.url).body["data"], {"n": 1})
        grant = self.http("POST", f"/Maps/{sid}/Permissions/a%2Fb%20%C3%A9%40", {"Read": "true", "Write": "true", "Manage": "true"}).body
        self.assertEqual(grant["identity"], "a/b é@")
        self.assertEqual(self.airlock.http("GET", grant["url"]).body, grant)


class Forms(RestTest):
    def data(self, form):
        answer = self.http("POST", "/Documents", form)
        self.assertEqual(answer.status, 201, answer)
        return answer.body["data"]

    def test_plus_is_a_space(self):
        """§3: in a form + and %20 are spaces, %2B is a plus"""
        self.assertEqual(self.data("Data=%7B%22a%22%3A+%22x+y%20z%2B%22%7D"), {"a": "x y z+"})

    def test_last_wins(self):
        """§1: of a repeated parameter the last one counts"""
        self.assertEqual(self.data([("Data", '{"n":1}'), ("UniqueName", ""), ("Data", '{"n":2}'), ("UniqueName", "n")]), {"n": 2})
        self.assertEqual(self.service.documents("n").fetch().data, {"n": 2})

    def test_unknown_is_ignored(self):
        """§1: unknown parameters, and those of other resources, are ignored"""
        self.assertEqual(self.data([("Foo", "1"), ("data", "{"), ("Key", ""), ("FriendlyName", ""), ("Data", "{}")]), {})

    def test_case(self):
        """§1: names are PascalCase: `ttl` is not `Ttl`"""
        answer = self.http("POST", "/Documents", {"ttl": "-5", "uniquename": "x"})
        self.assertEqual((answer.status, answer.body["unique_name"], answer.body["date_expires"]), (201, None, None))

    def test_empty_ttl(self):
        """§3: an empty `Ttl=` means that none is given, on creation and on update"""
        made = self.http("POST", "/Documents", "Ttl=&Data=%7B%7D").body
        self.assertIsNone(made["date_expires"])
        self.service.documents(made["sid"]).update(ttl=100)
        kept = self.http("POST", f"/Documents/{made['sid']}", "Ttl=&Data=%7B%22a%22%3A1%7D").body
        self.assertIsNotNone(kept["date_expires"], "an empty one clears nothing")
        self.fault(self.http("POST", f"/Documents/{made['sid']}", "Ttl="), 400, 54010)

    def test_python_escapes(self):
        """§3: JSON with \\uXXXX escapes is the same data as UTF-8"""
        made = self.service.documents.create(data={"ключ": "😀"})
        raw = self.http("POST", "/Documents", {"Data": '{"ключ":"😀"}'}).body
        self.assertEqual(made.data, raw["data"])

    def test_string_is_sent_raw(self):
        """§3: `data` as text is sent as it is and must be JSON"""
        self.assertEqual(self.service.documents.create(data='{"a": [1, 2]}').data, {"a": [1, 2]})
        self.refused(400, 54008, self.service.documents.create, data="hello")

    def test_content_type_on_get(self):
        """§3: a listing may carry a form's content type and no body"""
        self.assertEqual(self.http("GET", "/Documents", headers={"Content-Type": "application/x-www-form-urlencoded"}).status, 200)

    def test_not_utf_8(self):
        """§5.2: a value that is no UTF-8 is 400, not 500"""
        answer = self.http("POST", "/Documents", "Data=%7B%22a%22%3A%22%FF%22%7D")
        self.assertEqual((answer.status, answer.body["status"]), (400, 400), answer)


class Errors(RestTest):
    def test_body(self):
        """§5: an error has code, message, more_info and status, and no member of RFC 9457"""
        for answer in [self.http("GET", "/Documents/none"), self.http("PUT"), self.http("POST", "/Documents", {"Ttl": "x"}), self.http("GET", authorization={})]:
            body = answer.body
            self.assertEqual(set(body) - {"details"}, {"code", "message", "more_info", "status"})
            self.assertEqual(body["more_info"], f"https://www.twilio.com/docs/errors/{body['code']}")
            self.assertEqual((body["status"], type(body["code"]), type(body["message"])), (answer.status, int, str))

    def test_exception(self):
        """§5: the library raises TwilioRestException with status, code, verb, method and uri"""
        error = self.refused(404, 20404, self.service.documents("none").fetch)
        self.assertTrue(error.msg.startswith("Unable to fetch record: The requested resource"), error.msg)
        self.assertEqual((error.method, error.uri), ("GET", f"/Services/{self.sid}/Documents/none"))

    def test_listing_exception(self):
        """§5: a listing that fails raises the plain exception with the answer inside"""
        self.assertEqual(self.unlisted(self.service.sync_lists("none").sync_list_items.list), (404, 20404))
        self.assertEqual(self.unlisted(self.client.sync.v1.services("ISx").documents.list), (404, 20404))

    def test_delete_has_no_body(self):
        """§4.3: DELETE is 204 with nothing behind it"""
        doc = self.service.documents.create()
        answer = self.http("DELETE", f"/Documents/{doc.sid}")
        self.assertEqual((answer.status, answer.text, answer.headers.get("content-type")), (204, "", None))
        self.assertIn(answer.headers.get("content-length"), (None, "0"))

    def test_json_everywhere(self):
        """§1: answers are JSON and say so"""
        for answer in [self.http("GET"), self.http("GET", "/Maps"), self.http("POST", "/Lists", {}), self.airlock.http("GET", "/v1/Services")]:
            self.assertEqual(answer.headers["content-type"].split(";")[0], "application/json")
            json.loads(answer.text)


class Sizes(RestTest):
    def test_16_kib(self):
        """§16: 16,384 bytes are accepted as a document, a list item and a map item"""
        data = sized(KIB_16)
        self.assertEqual(len(json.dumps(data, separators=(",", ":"))), KIB_16)
        self.assertEqual(self.service.documents.create(data=data).data, data)
        for items, add in self.collections():
            self.assertEqual(add(data).data, data)

    def test_one_byte_more(self):
        """§5.2: 16,385 bytes are 413/54006, on creation and on update, and nothing is written"""
        big = sized(KIB_16 + 1)
        doc = self.service.documents.create(data={"a": 1})
        self.refused(413, 54006, self.service.documents.create, data=big, message="Request entity too large")
        self.refused(413, 54006, self.service.documents(doc.sid).update, data=big)
        self.assertEqual(self.service.documents(doc.sid).fetch().revision, "0")
        for items, add in self.collections():
            self.refused(413, 54006, add, big, message="Request entity too large")
            self.assertEqual(items.list(), [])

    def test_compact_bytes_count(self):
        """§6: what counts are the UTF-8 bytes of the compact JSON: neither spaces nor escapes"""
        wide = sized(KIB_16, "é")
        self.assertEqual(self.service.documents.create(data=wide).data, wide)
        spaced = '{ "a" :\n "' + "x" * (KIB_16 - 8) + '" }' + " " * 500
        self.assertEqual(self.service.documents.create(data=spaced).data, sized(KIB_16))
        self.refused(413, 54006, self.service.documents.create, data={"a": wide["a"] + "x"})

    def test_message(self):
        """§14: a stream's message has 4,096 bytes, not one more"""
        messages = self.service.sync_streams(self.service.sync_streams.create().sid).stream_messages
        self.assertEqual(messages.create(sized(4096)).data, sized(4096))
        self.refused(413, 54006, messages.create, sized(4097), message="Request entity too large")

    def test_large_body(self):
        """§3: a body of 200 KiB is read and answered 413/54006 in JSON, and the connection lives on"""
        doc = self.service.documents.create(data={"a": 1})
        self.refused(413, 54006, self.service.documents(doc.sid).update, data={"a": "x" * 200_000})
        connection = self.airlock.connect()
        answer = self.http("POST", "/Documents", {"Data": "x" * 200 * 1024}, connection=connection)
        self.fault(answer, 413, 54006, "Request entity too large")
        self.assertEqual(self.http("GET", f"/Documents/{doc.sid}", connection=connection).body["data"], {"a": 1})
        connection.close()

    def test_large_form(self):
        """§3: a form of 128 KiB is read: the data is judged, not its encoding"""
        data = {"a": "😀" * 3500}
        form = "Data=" + "".join(f"%{it:02X}" for it in json.dumps(data).encode()) + "&Unused="
        self.assertEqual(self.http("POST", "/Documents", form.ljust(128 * 1024, "x")).body["data"], data)


class Connections(RestTest):
    def test_keep_alive(self):
        """§4.8: one connection carries many requests, errors and 204 among them"""
        connection = self.airlock.connect()
        local = set()
        for number in range(12):
            sid = self.http("POST", "/Documents", {}, connection=connection).body["sid"]
            local.add(connection.sock.getsockname())
            self.http("DELETE", f"/Documents/{sid}", connection=connection)
            self.http("GET", f"/Documents/{sid}", connection=connection)
            self.http("PUT", connection=connection)
            self.http("GET", authorization={}, connection=connection)
        self.assertEqual(len(local), 1)
        connection.close()

    def test_no_delay(self):
        """§4.8: TCP_NODELAY: head and body do not wait for the peer's acknowledgement"""
        connection = self.airlock.connect()
        times = []
        for _ in range(60):
            start = time.monotonic()
            self.http("GET", connection=connection)
            times.append(time.monotonic() - start)
        connection.close()
        # With Nagle's algorithm every answer takes the 40 ms of a delayed acknowledgement; a busy machine slows only some.
        self.assertLess(statistics.quantiles(times[20:], n=4)[0], 0.03)

    def test_http_1_0_and_close(self):
        """§1: a client that asks to close gets its whole answer"""
        answer = self.airlock.spoken(f"GET /v1/Services/{self.sid} HTTP/1.1", "Host: x")
        self.assertEqual((answer.status, json.loads(answer.text)["sid"]), (200, self.sid))

    def test_zz_idle(self):
        """§4.8: an idle connection stays open (61 s with --long, a few seconds else)"""
        rest = (61 if LONG else 6.5) - (time.monotonic() - _idle["since"])
        time.sleep(max(0, rest))
        local = _idle["connection"].sock.getsockname()
        self.assertEqual(self.airlock.http("GET", f"/v1/Services/{self.sid}", connection=_idle["connection"]).status, 200)
        self.assertEqual(_idle["connection"].sock.getsockname(), local)
