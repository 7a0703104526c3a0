"""Pages, their tokens, and how items are asked for (sync-rest, 10)."""

from urllib.parse import parse_qs, urlsplit

from support import RestTest, path_of, together


class Pages(RestTest):
    """Listings of every resource, small enough to be made anew for each test."""

    def walk(self, path, size, query=""):
        """All pages: the rows of each, and the meta."""
        answer = self.http("GET", f"{path}?PageSize={size}{query}")
        pages = []
        while True:
            self.assertEqual(answer.status, 200, answer)
            body = answer.body
            pages.append((body[body["meta"]["key"]], body["meta"]))
            if not body["meta"]["next_page_url"]:
                return pages
            self.assertLess(len(pages), 100)
            answer = self.airlock.http("GET", body["meta"]["next_page_url"])

    def made(self, kind, count):
        return [kind.create().sid for _ in range(count)]

    def test_order_of_creation(self):
        """§10: documents, lists, maps and streams are listed in the order of their creation, across pages"""
        for path, kind in [("/Documents", self.service.documents), ("/Lists", self.service.sync_lists),
                           ("/Maps", self.service.sync_maps), ("/Streams", self.service.sync_streams)]:  # fmt: skip
            sids = self.made(kind, 7)
            self.assertEqual([it.sid for it in kind.list(page_size=3)], sids)
            self.assertEqual([len(rows) for rows, _ in self.walk(path, 3)], [3, 3, 1])
            self.assertEqual([it["sid"] for rows, _ in self.walk(path, 3) for it in rows], sids)

    def test_services(self):
        """§10: services are listed in pages too, in the order of their creation"""
        services = self.client.sync.v1.services
        mine = [services.create().sid for _ in range(3)]
        seen = [it.sid for it in services.list(page_size=2)]
        self.assertEqual([it for it in seen if it in mine], mine)
        self.assertEqual(len(seen), len(set(seen)))

    def test_permissions(self):
        """§10: grants are listed by identity, bytewise, across pages"""
        doc = self.service.documents.create().sid
        names = ["b", "a", "é", "B", "a b", "10", "9", "aa"]
        grants = self.service.documents(doc).document_permissions
        for name in names:
            grants(name).update(True, False, False)
        self.assertEqual([it.identity for it in grants.list(page_size=3)], sorted(names, key=str.encode))

    def test_meta(self):
        """§10: meta has the first page, the next, the previous, its own URL, page and size; URLs are absolute"""
        self.made(self.service.documents, 5)
        (_, first), (_, second), (_, third) = self.walk("/Documents", 2)
        base = f"{self.airlock.url}/v1/Services/{self.sid}/Documents?"
        for meta in (first, second, third):
            self.assertEqual((meta["key"], meta["page_size"], meta["first_page_url"]), ("documents", 2, f"{base}PageSize=2&Page=0"))
            for name in ("url", "next_page_url", "previous_page_url"):
                self.assertTrue(meta[name] is None or meta[name].startswith(base), meta)
        self.assertEqual([it["page"] for it in (first, second, third)], [0, 1, 2])
        self.assertEqual((first["previous_page_url"], third["next_page_url"]), (None, None))
        self.assertIn("PageToken", parse_qs(urlsplit(first["next_page_url"]).query))
        again = self.airlock.http("GET", second["url"]).body
        self.assertEqual(again["meta"], second)

    def test_default_size(self):
        """§10: a page has 50 rows when no size is given, and says so in its first page's URL"""
        sid = self.service.sync_lists.create().sid
        items = self.service.sync_lists(sid).sync_list_items
        together(8, lambda _: [items.create({}) for _ in range(7)])
        body = self.http("GET", f"/Lists/{sid}/Items").body
        self.assertEqual((len(body["items"]), body["meta"]["page_size"]), (50, 50))
        self.assertTrue(body["meta"]["first_page_url"].endswith("?PageSize=50&Page=0"), body["meta"])
        self.assertEqual(len(self.airlock.http("GET", body["meta"]["next_page_url"]).body["items"]), 6)

    def test_clamped(self):
        """§10: 101 to 1000 rows may be asked for and 100 are given, which list(limit=500) relies on"""
        sid = self.service.sync_lists.create().sid
        items = self.service.sync_lists(sid).sync_list_items
        together(8, lambda _: [items.create({}) for _ in range(16)])
        for size in (101, 500, 1000):
            self.assertEqual(len(self.http("GET", f"/Lists/{sid}/Items?PageSize={size}").body["items"]), 100)
        self.assertEqual(len(self.http("GET", f"/Lists/{sid}/Items?PageSize=100").body["items"]), 100)
        self.assertEqual([it.index for it in items.list(limit=500)], list(range(128)))
        self.assertEqual(len(items.list(limit=110)), 110)

    def test_bad_sizes(self):
        """§5.2: a page size of 0, -1, 1001 or none at all is 400/54454, for every listing"""
        sid = self.service.sync_maps.create().sid
        for path in ["/Documents", "/Lists", "/Streams", f"/Maps/{sid}/Items", f"/Maps/{sid}/Permissions"]:
            for bad in ["0", "-1", "x", "1001", "1.5", "%2B5", "99999999999999999999"]:
                self.fault(self.http("GET", f"{path}?PageSize={bad}"), 400, 54454)
        self.fault(self.airlock.http("GET", "/v1/Services?PageSize=0"), 400, 54454)
        self.assertEqual(self.unlisted(self.service.documents.list, page_size=1001), (400, 54454))

    def test_bad_tokens(self):
        """§5.2: a token that is not one, or of another listing's rows, is 400/54453"""
        self.made(self.service.documents, 2)
        a_map = self.service.sync_maps.create().sid
        token = parse_qs(urlsplit(self.http("GET", "/Documents?PageSize=1").body["meta"]["next_page_url"]).query)["PageToken"][0]
        for path in ["/Documents", "/Maps", f"/Maps/{a_map}/Items", f"/Maps/{a_map}/Permissions"]:
            for bad in ["x", "nonsense", "%F0%9F%98%80", token[:-2], "a" * 5000, "-1", "50"]:
                self.fault(self.http("GET", f"{path}?PageToken={bad}"), 400, 54453)
        self.fault(self.http("GET", f"/Maps/{a_map}/Items?PageToken={token}"), 400, 54453)
        self.fault(self.http("GET", f"/Maps/{a_map}/Permissions?PageToken={token}"), 400, 54453)

    def test_page_is_an_echo(self):
        """§10: Page is the client's counter: it is repeated and moves nothing"""
        sids = self.made(self.service.documents, 3)
        body = self.http("GET", "/Documents?PageSize=2&Page=7").body
        self.assertEqual(([it["sid"] for it in body["documents"]], body["meta"]["page"]), (sids[:2], 7))
        self.assertEqual(parse_qs(urlsplit(body["meta"]["next_page_url"]).query)["Page"], ["8"])

    def test_back(self):
        """§10: the previous page leads back over the same rows, to the first"""
        sids = self.made(self.service.documents, 7)
        pages = self.walk("/Documents", 2)
        back = self.airlock.http("GET", pages[3][1]["previous_page_url"]).body
        self.assertEqual([it["sid"] for it in back["documents"]], sids[4:6])
        back = self.airlock.http("GET", back["meta"]["previous_page_url"]).body
        self.assertEqual([it["sid"] for it in back["documents"]], sids[2:4])
        on = self.airlock.http("GET", back["meta"]["next_page_url"]).body
        self.assertEqual([it["sid"] for it in on["documents"]], sids[4:6])
        first = self.airlock.http("GET", back["meta"]["previous_page_url"]).body
        self.assertEqual([it["sid"] for it in first["documents"]], sids[:2])
        self.assertIsNone(first["meta"]["previous_page_url"])

    def test_drain(self):
        """§10: a loop that deletes what it read skips nothing: tokens hold a row, not an offset"""
        for path, kind in [("/Documents", self.service.documents), ("/Lists", self.service.sync_lists)]:
            sids = self.made(kind, 9)
            seen = []
            for row in kind.stream(page_size=2):
                kind(row.sid).delete()
                seen.append(row.sid)
            self.assertEqual(seen, sids)
            self.assertEqual(kind.list(), [])

    def test_drain_of_items(self):
        """§10: the same for items of lists and maps, in both orders, and for grants"""
        a_list, a_map = self.service.sync_lists.create().sid, self.service.sync_maps.create().sid
        for order in ("asc", "desc"):
            items, others = self.service.sync_lists(a_list).sync_list_items, self.service.sync_maps(a_map).sync_map_items
            made = {items.create({}).index for _ in range(7)}, {others.create(f"k{it}", {}).key for it in range(7)}
            seen = set(), set()
            for row in items.stream(order=order, page_size=2):
                items(row.index).delete()
                seen[0].add(row.index)
            for row in others.stream(order=order, page_size=2):
                others(row.key).delete()
                seen[1].add(row.key)
            self.assertEqual(seen, made)
        grants = self.service.sync_maps(a_map).sync_map_permissions
        for number in range(5):
            grants(f"i{number}").update(True, True, True)
        for row in grants.stream(page_size=2):
            grants(row.identity).delete()
        self.assertEqual(grants.list(), [])

    def test_token_of_a_deleted_row(self):
        """§10: a token stands although its row is gone, on and back"""
        sids = self.made(self.service.documents, 6)
        (_, first), (_, second), _ = self.walk("/Documents", 2)
        self.service.documents(sids[1]).delete()
        self.service.documents(sids[2]).delete()
        self.assertEqual([it["sid"] for it in self.airlock.http("GET", first["next_page_url"]).body["documents"]], sids[3:5])
        self.assertEqual([it["sid"] for it in self.airlock.http("GET", second["previous_page_url"]).body["documents"]], [sids[0]])

    def test_made_meanwhile(self):
        """§10: what is made behind the token is seen on a later page, nothing twice"""
        sids = self.made(self.service.documents, 3)
        first = self.http("GET", "/Documents?PageSize=2").body
        sids += self.made(self.service.documents, 1)
        rest = self.airlock.http("GET", first["meta"]["next_page_url"]).body
        self.assertEqual([it["sid"] for it in rest["documents"]], sids[2:])

    def test_size_beside_a_token(self):
        """§10: a token may be used with another page size"""
        sids = self.made(self.service.documents, 6)
        token = parse_qs(urlsplit(self.http("GET", "/Documents?PageSize=1").body["meta"]["next_page_url"]).query)["PageToken"][0]
        body = self.http("GET", f"/Documents?PageToken={token}&PageSize=4").body
        self.assertEqual([it["sid"] for it in body["documents"]], sids[1:5])

    def test_library_pages(self):
        """§4.4: the library's pages lead on and back by the URLs of meta"""
        sids = self.made(self.service.documents, 3)
        page = self.service.documents.page(page_size=2)
        self.assertEqual([it.sid for it in page], sids[:2])
        second = page.next_page()
        self.assertEqual([it.sid for it in second], sids[2:])
        self.assertIsNone(second.next_page())
        self.assertEqual([it.sid for it in second.previous_page()], sids[:2])

    def test_empty(self):
        """§4.4: an empty listing is 200 with an empty array, and has no other pages"""
        for path in ["/Documents", "/Lists", "/Maps", "/Streams"]:
            body = self.http("GET", path).body
            self.assertEqual(body[body["meta"]["key"]], [])
            self.assertEqual((body["meta"]["next_page_url"], body["meta"]["previous_page_url"]), (None, None))


class Items(RestTest):
    """Order, From and Bounds. Indexes go past ten, so that digits and numbers differ."""

    COUNT = 13
    KEYS = ["10", "2", "B", "a", "a b", "aa", "b", "é", "ÿ", "Ж", "😀", "\uffee"]

    def setUp(self):
        super().setUp()
        self.indexes = self.service.sync_lists(self.service.sync_lists.create(unique_name="l").sid).sync_list_items
        self.keys = self.service.sync_maps(self.service.sync_maps.create(unique_name="m").sid).sync_map_items
        for _ in range(self.COUNT):
            self.indexes.create({})
        for key in self.KEYS:
            self.keys.create(key, {})
        self.sorted = sorted(self.KEYS, key=str.encode)

    def listed(self, **query):
        return [it.index for it in self.indexes.list(**query)]

    def keyed(self, **query):
        return [it.key for it in self.keys.list(**query)]

    def test_order_of_indexes(self):
        """§10: list items are ordered numerically by index, asc by default, desc when asked, across pages"""
        for size in (4, 50):
            self.assertEqual(self.listed(page_size=size), list(range(13)))
            self.assertEqual(self.listed(order="asc", page_size=size), list(range(13)))
            self.assertEqual(self.listed(order="desc", page_size=size), list(range(12, -1, -1)))

    def test_order_of_keys(self):
        """§10: map items are ordered bytewise by key: capitals first, é after z, in both orders, across pages"""
        for size in (4, 50):
            self.assertEqual(self.keyed(page_size=size), self.sorted)
            self.assertEqual(self.keyed(order="desc", page_size=size), self.sorted[::-1])

    def test_from(self):
        """§10: From is where to begin, and is included; later pages go on from there"""
        self.assertEqual(self.listed(from_="9", page_size=2), [9, 10, 11, 12])
        self.assertEqual(self.listed(from_="2", order="desc", page_size=2), [2, 1, 0])
        self.assertEqual(self.keyed(from_="aa", page_size=2), self.sorted[self.sorted.index("aa") :])
        self.assertEqual(self.keyed(from_="aa", order="desc", page_size=2), self.sorted[: self.sorted.index("aa") + 1][::-1])

    def test_exclusive(self):
        """§10: Bounds=exclusive leaves From itself out, in both orders; inclusive is the default"""
        self.assertEqual(self.listed(from_="9", bounds="exclusive"), [10, 11, 12])
        self.assertEqual(self.listed(from_="2", bounds="exclusive", order="desc"), [1, 0])
        self.assertEqual(self.listed(from_="9", bounds="inclusive"), [9, 10, 11, 12])
        self.assertEqual(self.keyed(from_="a", bounds="exclusive", page_size=2)[:2], ["a b", "aa"])
        self.assertEqual(self.keyed(from_="a", bounds="exclusive", order="desc")[0], "B")

    def test_from_need_not_exist(self):
        """§10: From need not stand, inclusive or not"""
        self.indexes(9).delete()
        for bounds in ("inclusive", "exclusive"):
            self.assertEqual(self.listed(from_="9", bounds=bounds), [10, 11, 12])
            self.assertEqual(self.listed(from_="9", bounds=bounds, order="desc")[0], 8)
            self.assertEqual(self.keyed(from_="ab", bounds=bounds)[0], "b")
            self.assertEqual(self.keyed(from_="ab", bounds=bounds, order="desc")[0], "aa")
        self.assertEqual(self.listed(from_="500"), [])
        self.assertEqual(self.listed(from_="500", order="desc")[0], 12)

    def test_bad_order_and_bounds(self):
        """§5.2: another Order is 400/54451, other Bounds are 54452, a From that is no index 54458"""
        for path in ("/Lists/l/Items", "/Maps/m/Items"):
            for bad in ["up", "ASC", "1"]:
                self.fault(self.http("GET", f"{path}?Order={bad}"), 400, 54451)
            for bad in ["open", "Inclusive"]:
                self.fault(self.http("GET", f"{path}?Bounds={bad}"), 400, 54452)
        for bad in ["x", "-1", "1.5"]:
            self.fault(self.http("GET", f"/Lists/l/Items?From={bad}"), 400, 54458)
        self.assertEqual(self.unlisted(self.indexes.list, order="up"), (400, 54451))

    def test_echo(self):
        """§10: item queries repeat From, Bounds and Order in their URLs"""
        meta = self.http("GET", "/Maps/m/Items?Order=desc&From=b&Bounds=exclusive&PageSize=2").body["meta"]
        for name in ("url", "first_page_url", "next_page_url"):
            query = parse_qs(urlsplit(meta[name]).query)
            self.assertEqual((query["Order"], query["From"], query["Bounds"], query["PageSize"]), (["desc"], ["b"], ["exclusive"], ["2"]), name)
        self.assertEqual([it["key"] for it in self.airlock.http("GET", meta["first_page_url"]).body["items"]], ["aa", "a b"])

    def test_token_decides(self):
        """§10: where a token is given, From and Order do not move it"""
        page = self.http("GET", "/Lists/l/Items?PageSize=3").body
        token = parse_qs(urlsplit(page["meta"]["next_page_url"]).query)["PageToken"][0]
        body = self.http("GET", f"/Lists/l/Items?PageSize=3&PageToken={token}&From=11&Order=desc").body
        self.assertEqual([it["index"] for it in body["items"]], [3, 4, 5])

    def test_back_pages(self):
        """§10: a previous page holds the rows before, in the order of the listing, asc and desc"""
        for order, expected in [("asc", [0, 1, 2, 3]), ("desc", [12, 11, 10, 9])]:
            first = self.http("GET", f"/Lists/l/Items?PageSize=4&Order={order}").body
            second = self.airlock.http("GET", first["meta"]["next_page_url"]).body
            back = self.airlock.http("GET", second["meta"]["previous_page_url"]).body
            self.assertEqual([it["index"] for it in back["items"]], expected)

    def test_keys_in_urls(self):
        """§10: a page's URL leads on also after keys that must be encoded"""
        items = self.service.sync_maps(self.service.sync_maps.create(unique_name="odd").sid).sync_map_items
        odd = sorted(["a&b=c", "a+b", "a b", "é/?#%", "\n", "%41"], key=str.encode)
        for key in odd:
            items.create(key, {})
        self.assertEqual([it.key for it in items.list(page_size=1)], odd)
        self.assertEqual([it.key for it in items.list(from_="a+b", page_size=1)], odd[odd.index("a+b") :])
        first = self.http("GET", "/Maps/odd/Items?PageSize=1&From=a%26b%3Dc").body
        self.assertEqual(first["items"][0]["key"], "a&b=c")
        self.assertTrue(path_of(first["meta"]["next_page_url"]).startswith(f"/v1/Services/{self.sid}/Maps/MP"))
