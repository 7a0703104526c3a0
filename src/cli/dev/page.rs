//! What `/` answers a browser in development: what this is, what to try, and where to read on.

use hyper::header::{self, HeaderValue};
use warp::{Filter, filters::BoxedFilter, reply::Response};

/// Only what stands in the page itself: it has no scripts and loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// `GET /`.
pub fn route(base_url: &str) -> BoxedFilter<(Response,)> {
    let page = page(base_url);
    warp::path::end()
        .and(warp::get())
        .map(move || {
            let mut answer = Response::new(page.clone().into());
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        })
        .boxed()
}

fn page(base_url: &str) -> String {
    let url = base_url.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let socket = url.replacen("http", "ws", 1);
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Airlock</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem; }}
  code {{ font: 0.9em ui-monospace, monospace; }}
</style>
<h1>Airlock</h1>
<p>This is a state-sync server in development mode. Clients use the <code>twilio-sync</code> SDK with the socket
<code>{socket}/v3/wsconnect</code>, or plain HTTP. Each client writes its own private objects; a policy says what of them the
others see.</p>
<p>Whoever asks gets a token here: <a href="{url}/token?identity=ada">{url}/token?identity=ada</a>. The terminal in which the
server runs shows what to paste first. Outside of development there is no such route and no such page.</p>
<p>The REST dialect for backends is described in <a href="{url}/openapi.json">openapi.json</a>. Whether the process is alive says
<a href="{url}/health">health</a>, whether it can write says <a href="{url}/ready">ready</a>. The policies in force are the folders
that <code>--policies</code> names; <code>airlock policy check</code> and <code>airlock policy test</code> try them.</p>
</html>
"#
    )
}
