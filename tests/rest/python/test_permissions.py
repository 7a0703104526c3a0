"""Grants: what REST sets and shows, and what it lets token holders do (sync-rest, 11)."""

import json

from support import RestTest
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import SyncGrant


class Grants(RestTest):
    def kinds(self):
        """(collection of objects, word for its grants in the library, in paths)."""
        yield self.service.documents, "document_permissions", "Documents"
        yield self.service.sync_lists, "sync_list_permissions", "Lists"
        yield self.service.sync_maps, "sync_map_permissions", "Maps"

    def grants(self):
        for kind, word, path in self.kinds():
            sid = kind.create(unique_name="n").sid
            yield getattr(kind(sid), word), f"/{path}/{sid}/Permissions"

    def test_upsert(self):
        """§7.9: setting is an upsert, answered 200 the first time and the second"""
        for grants, path in self.grants():
            for read, write in [("true", "false"), ("false", "true")]:
                answer = self.http("POST", f"{path}/ada", {"Read": read, "Write": write, "Manage": "true"})
                self.assertEqual(answer.status, 200)
                self.assertEqual([answer.body[it] for it in ("read", "write", "manage")], [read == "true", write == "true", True])
            self.assertEqual(len(grants.list()), 1)

    def test_independent(self):
        """§11: the three rights are independent: each of the eight combinations is kept"""
        for grants, _ in self.grants():
            for number in range(8):
                rights = bool(number & 1), bool(number & 2), bool(number & 4)
                grants("ada").update(*rights)
                stands = grants("ada").fetch()
                self.assertEqual((stands.read, stands.write, stands.manage), rights)

    def test_all_required(self):
        """§7.9: Read, Write and Manage are all required: 400/20001 names the one that is missing, nothing is set"""
        for grants, path in self.grants():
            for missing in ("Read", "Write", "Manage"):
                form = {name: "true" for name in ("Read", "Write", "Manage") if name != missing}
                self.fault(self.http("POST", f"{path}/ada", form), 400, 20001, f"Missing required parameter {missing} in the post body")
            self.assertEqual(grants.list(), [])

    def test_flags(self):
        """§7.9: a right is true or false, else 400/20001"""
        for _, path in self.grants():
            for bad in ("yes", "1", "null"):
                self.fault(self.http("POST", f"{path}/ada", {"Read": bad, "Write": "true", "Manage": "true"}), 400, 20001)

    def test_deletion(self):
        """§11: DELETE is 204, after it a read and a second DELETE are 404"""
        for grants, _ in self.grants():
            grants("ada").update(True, True, True)
            self.assertIs(grants("ada").delete(), True)
            self.refused(404, 20404, grants("ada").fetch)
            self.refused(404, 20404, grants("ada").delete)
            self.assertEqual(grants.list(), [])

    def test_all_false(self):
        """§16: a grant of nothing stands and is listed until it is deleted"""
        for grants, _ in self.grants():
            grants("ada").update(False, False, False)
            self.assertEqual([(it.identity, it.read) for it in grants.list()], [("ada", False)])
            self.assertIs(grants("ada").fetch().manage, False)

    def test_identity(self):
        """§11: an identity has 1 to 256 characters, else 400/54351; it is matched exactly"""
        for grants, path in self.grants():
            grants("é" * 256).update(True, False, False)
            self.assertEqual(grants("é" * 256).fetch().identity, "é" * 256)
            self.fault(self.http("POST", f"{path}/{'x' * 257}", {"Read": "true", "Write": "true", "Manage": "true"}), 400, 54351)
            grants("Ada").update(True, False, False)
            for other in ("ada", "Ada ", "Ad"):
                self.refused(404, 20404, grants(other).fetch)

    def test_odd_identities(self):
        """§3: identities with spaces, pluses, @, : and letters outside ASCII are reached by the library"""
        for grants, _ in self.grants():
            for identity in ("ada lovelace", "a+b@c.example", "user:1;x", "Ключ"):
                grants(identity).update(True, False, True)
                self.assertEqual(grants(identity).fetch().identity, identity)

    def test_per_object(self):
        """§11: a grant is one object's: neither another object of the kind nor one of another kind shows it"""
        all_of = list(self.grants())
        all_of[0][0]("ada").update(True, True, True)
        self.assertEqual([grants.list() for grants, _ in all_of[1:]], [[], []])
        other = self.service.documents(self.service.documents.create().sid).document_permissions
        self.refused(404, 20404, other("ada").fetch)

    def test_die_with_the_object(self):
        """§11: grants die with their object: one made anew under the name starts without"""
        for kind, word, _ in self.kinds():
            kind.create(unique_name="n")
            getattr(kind("n"), word)("ada").update(True, True, True)
            kind("n").delete()
            self.refused(404, 20404, getattr(kind("n"), word)("ada").fetch)
            kind.create(unique_name="n")
            self.assertEqual(getattr(kind("n"), word).list(), [])

    def test_not_a_change(self):
        """§7.9: a grant changes neither the object's revision nor its date"""
        for kind, word, path in self.kinds():
            kind.create(unique_name="n")
            before = self.http("GET", f"/{path}/n").text
            getattr(kind("n"), word)("ada").update(True, True, True)
            self.assertEqual(self.http("GET", f"/{path}/n").text, before)


class Rights(RestTest):
    """What token holders may do in a service with ACL on, over the clients' plane; the tokens are the library's (sync-rest, 13)."""

    settings = {"acl_enabled": True}

    def token(self, identity, service=None, **more):
        token = AccessToken(self.airlock.account, self.airlock.key, self.airlock.secret, identity=identity, ttl=3600, **more)
        token.add_grant(SyncGrant(service or self.sid))
        return token.to_jwt()

    def as_client(self, identity, method, path, body=None, service=None):
        """A request of an SDK client: status, code or body."""
        connection = self.airlock.connect()
        headers = {"Authorization": f"Bearer {self.token(identity, service)}", "Content-Type": "application/json"}
        connection.request(method, f"/v3{path}", json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, json.loads(text) if text else {}

    def denied(self, identity, method, path, body=None):
        status, answer = self.as_client(identity, method, path, body)
        self.assertEqual((status, answer.get("code")), (403, 54007), answer)

    def allowed(self, identity, method, path, body=None):
        status, answer = self.as_client(identity, method, path, body)
        self.assertIn(status, (200, 201, 204), answer)
        return answer

    def test_made_by_rest(self):
        """§11: what REST made is nobody's: a token holder is denied with 403/54007 until it is granted"""
        self.service.documents.create(unique_name="d", data={"a": 1})
        self.denied("ada", "GET", "/Documents/d")
        self.service.documents("d").document_permissions("ada").update(True, False, False)
        self.assertEqual(self.allowed("ada", "GET", "/Documents/d")["data"], {"a": 1})
        self.denied("bob", "GET", "/Documents/d")

    def test_read_write_manage(self):
        """§11: read is to fetch, write to change, manage to remove; none implies another"""
        self.service.documents.create(unique_name="d")
        grant = self.service.documents("d").document_permissions("ada")
        for read, write, manage in [(True, False, False), (False, True, False), (False, False, True)]:
            grant.update(read, write, manage)
            for right, method, body in [(read, "GET", None), (write, "POST", {"data": {"by": "ada"}})]:
                (self.allowed if right else self.denied)("ada", method, "/Documents/d", body)
            if not manage:
                self.denied("ada", "DELETE", "/Documents/d")
        self.allowed("ada", "DELETE", "/Documents/d")
        self.refused(404, 20404, self.service.documents("d").fetch)

    def test_items(self):
        """§11: rights on a map are rights on its items"""
        self.service.sync_maps.create(unique_name="m")
        self.service.sync_maps("m").sync_map_items.create("k", {})
        grant = self.service.sync_maps("m").sync_map_permissions("ada")
        self.denied("ada", "GET", "/Maps/m/Items")
        grant.update(True, False, False)
        self.assertEqual(len(self.allowed("ada", "GET", "/Maps/m/Items")["items"]), 1)
        self.denied("ada", "POST", "/Maps/m/Items/k", {"data": {"a": 1}})
        self.denied("ada", "DELETE", "/Maps/m/Items/k")
        grant.update(False, True, False)
        self.allowed("ada", "POST", "/Maps/m/Items/k", {"data": {"a": 1}})
        self.denied("ada", "GET", "/Maps/m/Items")
        self.allowed("ada", "DELETE", "/Maps/m/Items/k")

    def test_revoked(self):
        """§11: DELETE and all-false revoke from the next request on"""
        self.service.documents.create(unique_name="d")
        grant = self.service.documents("d").document_permissions("ada")
        for revoke in (grant.delete, lambda: grant.update(False, False, False)):
            grant.update(True, True, True)
            self.allowed("ada", "GET", "/Documents/d")
            revoke()
            self.denied("ada", "GET", "/Documents/d")
            self.denied("ada", "POST", "/Documents/d", {"data": {}})

    def test_creator(self):
        """§11: what a client made is its own: an explicit grant of all three, listed and revocable"""
        made = self.allowed("ada", "POST", "/Documents", {"unique_name": "d", "data": {"a": 1}})
        grants = self.service.documents(made["sid"]).document_permissions
        self.assertEqual([(it.identity, it.read, it.write, it.manage) for it in grants.list()], [("ada", True, True, True)])
        self.assertEqual(self.service.documents("d").fetch().created_by, "ada")
        self.denied("bob", "GET", "/Documents/d")
        grants("ada").delete()
        self.denied("ada", "GET", "/Documents/d")

    def test_rest_may_all(self):
        """§1: REST has full access, whatever ACL says, and to what clients made; created_by stays theirs"""
        self.allowed("ada", "POST", "/Documents", {"unique_name": "d", "data": {"a": 1}})
        changed = self.service.documents("d").update(data={"b": 2})
        self.assertEqual((changed.created_by, changed.data), ("ada", {"b": 2}))
        self.assertIs(self.service.documents("d").delete(), True)

    def test_not_inherited(self):
        """§11: a grant does not pass to an object made anew under the name"""
        self.service.documents.create(unique_name="d")
        self.service.documents("d").document_permissions("ada").update(True, True, True)
        self.service.documents("d").delete()
        self.service.documents.create(unique_name="d")
        self.denied("ada", "GET", "/Documents/d")

    def test_switched_on_later(self):
        """§11: grants may be set while ACL is off; they hold once it is on"""
        self.service.update(acl_enabled=False)
        self.service.documents.create(unique_name="d")
        self.service.documents("d").document_permissions("ada").update(True, False, False)
        self.allowed("bob", "GET", "/Documents/d")
        self.service.update(acl_enabled=True)
        self.allowed("ada", "GET", "/Documents/d")
        self.denied("bob", "GET", "/Documents/d")

    def test_per_service(self):
        """§11: a token of one service reaches nothing in another, a grant in one is none in the other"""
        other = self.client.sync.v1.services(self.client.sync.v1.services.create(acl_enabled=True).sid)
        for service in (self.service, other):
            service.documents.create(unique_name="d", data={"in": service._solution["sid"]})
        other.documents("d").document_permissions("ada").update(True, True, True)
        self.denied("ada", "GET", "/Documents/d")
        status, body = self.as_client("ada", "GET", "/Documents/d", service=other._solution["sid"])
        self.assertEqual((status, body["data"]), (200, {"in": other._solution["sid"]}))

    def test_streams(self):
        """§11: a stream has no grants: under ACL one made by REST is no client's, and takes REST's messages"""
        self.service.sync_streams.create(unique_name="s")
        self.denied("ada", "POST", "/Streams/s/Messages", {"data": {}})
        self.assertEqual(self.service.sync_streams("s").stream_messages.create({"a": 1}).data, {"a": 1})

    def test_not_a_backend(self):
        """§1: a token is no credential of this plane, and a key none of the clients'"""
        answer = self.http("GET", authorization={"Authorization": f"Bearer {self.token('ada')}"})
        self.fault(answer, 401, 20003)
        answer = self.http("GET", authorization=self.airlock.authorization("token", self.token("ada")))
        self.fault(answer, 401, 20003)
        self.assertEqual(self.airlock.http("GET", "/v3/Documents/d").status, 401)

    def test_default_in_a_token(self):
        """§13: a token may name its service `default`"""
        default = self.client.sync.v1.services("default")
        default.documents.create(data={"a": 1}, unique_name="in default").fetch()
        status, body = self.as_client("ada", "GET", "/Documents/in%20default", service="default")
        self.assertEqual((status, body.get("data")), (200, {"a": 1}))
        default.documents("in default").delete()
