//! `/v1/Services[/{sid or "default"}]`.

use warp::{http::Uri, reply::Response};

use super::{form::Form, page::Asked, visit::Visit};
use crate::{
    domain::{
        change::{Change, Operation},
        limits::{FRIENDLY_NAME_CHARS_MAX, WEBHOOK_URL_CHARS_MAX},
        query::Query,
        service::SettingsChange,
        sid::ServiceSid,
    },
    relay::{Error, Failure, Missing, Reading, Reason, Receipt},
    wire::{
        fault::{Fault, Stop},
        http::json,
    },
};

/// The alias of the account's default service.
const DEFAULT: &str = "default";
const WINDOW: &str = "ReachabilityDebouncingWindow";

/// The service that a segment names. The default service is made when it is first asked for.
pub(super) async fn find(visit: &Visit<'_>, text: &str) -> Result<ServiceSid, Stop> {
    if text != DEFAULT {
        return text.parse().map_err(|_| Reason::NotFound(Missing::Service).into());
    }
    if let Some(service) = visit.relay.default_service() {
        return Ok(service);
    }
    let operation = Operation::CreateService { default: true, settings: SettingsChange::default() };
    let change = Change { operation, if_match: None, idempotency: None };
    match visit.relay.submitted(visit.caller, change).await {
        Ok(Receipt::Service { head, .. }) => Ok(head.sid),
        Ok(_) => Err(Reason::NotFound(Missing::Service).into()),
        // Somebody else was faster.
        Err(error) => match (&error, visit.relay.default_service()) {
            (Error::Refused(_), Some(service)) => Ok(service),
            _ => Err(error.into()),
        },
    }
}

/// A page of the services.
pub(super) fn all(visit: &Visit<'_>) -> Result<Response, Stop> {
    let asked = visit.query().and_then(Asked::listing)?;
    let Reading::Services(page) = visit.relay.read(visit.caller, &Query::Services(asked.range()))? else {
        return Err(Failure::Contended.into());
    };
    let url = format!("{}/v1/Services", visit.place.base);
    let body = asked.render(("services", &url), page, |it| visit.place.service(it), |it| it.ordinal);
    Ok(json(200, None, body))
}

/// Makes a service.
pub(super) async fn create(visit: &Visit<'_>) -> Result<Response, Stop> {
    let settings = settings(visit.form()?)?;
    visit.write(Operation::CreateService { default: false, settings }, None).await
}

/// Shows a service.
pub(super) fn fetch(visit: &Visit<'_>, service: ServiceSid) -> Result<Response, Stop> {
    visit.read(&Query::Service(service))
}

/// Changes the settings that are given.
pub(super) async fn update(visit: &Visit<'_>, service: ServiceSid) -> Result<Response, Stop> {
    let parsed = visit
        .form()
        .and_then(settings)
        .and_then(|it| if it == SettingsChange::default() { Err(Fault::NoParameter) } else { Ok(it) });
    let settings = visit.judged(&Query::Service(service), parsed.map_err(Stop::from))?;
    visit.write(Operation::UpdateService { service, settings }, None).await
}

/// Removes a service; a default service that was never made is not made for it.
pub(super) async fn remove(visit: &Visit<'_>, text: &str) -> Result<Response, Stop> {
    let service = if text == DEFAULT { visit.relay.default_service() } else { text.parse().ok() };
    let service = service.ok_or(Reason::NotFound(Missing::Service))?;
    visit.write(Operation::RemoveService { service }, None).await
}

fn settings(form: &Form) -> Result<SettingsChange, Fault> {
    Ok(SettingsChange {
        friendly_name: form.text("FriendlyName").map(friendly_name).transpose()?.map(Into::into),
        webhook_url: form.text("WebhookUrl").map(webhook_url).transpose()?.map(|it| it.map(Into::into)),
        webhooks_from_rest: form.flag("WebhooksFromRestEnabled")?,
        reachability_webhooks: form.flag("ReachabilityWebhooksEnabled")?,
        acl: form.flag("AclEnabled")?,
        debouncing: form.flag("ReachabilityDebouncingEnabled")?,
        debouncing_window_ms: form.filled(WINDOW).map(window).transpose()?,
    })
}

fn friendly_name(text: &str) -> Result<&str, Fault> {
    let length = text.chars().count();
    if length == 0 || FRIENDLY_NAME_CHARS_MAX < length { Err(Fault::FriendlyName) } else { Ok(text) }
}

/// An absolute URL; empty takes it away.
fn webhook_url(text: &str) -> Result<Option<&str>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let uri: Uri = text.parse().map_err(|_| Fault::WebhookUrl)?;
    let fits = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|it| !it.is_empty())
        && text.chars().count() <= WEBHOOK_URL_CHARS_MAX;
    if fits { Ok(Some(text)) } else { Err(Fault::WebhookUrl) }
}

fn window(text: &str) -> Result<u32, Fault> {
    text.parse().ok().filter(|it| (1_000..=30_000).contains(it)).ok_or(Fault::Parameter { name: WINDOW })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<SettingsChange, Fault>) {
        assert_eq!(settings(&Form::parse(text.as_bytes()).expect("a form")), expected, "{text}");
    }

    #[test]
    fn settings_are_those_that_are_given() {
        let none = SettingsChange::default();
        check("", Ok(none.clone()));
        check("AclEnabled=true&Foo=1", Ok(SettingsChange { acl: Some(true), ..none.clone() }));
        check("WebhookUrl=", Ok(SettingsChange { webhook_url: Some(None), ..none.clone() }));
        check(
            "WebhookUrl=https%3A%2F%2Fx.example%2Fa%3Fb&FriendlyName=A+b",
            Ok(SettingsChange {
                webhook_url: Some(Some("https://x.example/a?b".into())),
                friendly_name: Some("A b".into()),
                ..none
            }),
        );
    }

    #[test]
    fn bad_settings_are_refused() {
        check("FriendlyName=", Err(Fault::FriendlyName));
        check(&format!("FriendlyName={}", "a".repeat(256)), Err(Fault::FriendlyName));
        for url in
            ["x.example", "ftp://x/", "https:///", "/a", "http://", &format!("http://x/{}", "a".repeat(504))]
        {
            check(&format!("WebhookUrl={url}"), Err(Fault::WebhookUrl));
        }
        for window in ["999", "30001", "x", "-1"] {
            check(&format!("{WINDOW}={window}"), Err(Fault::Parameter { name: WINDOW }));
        }
        check("AclEnabled=maybe", Err(Fault::Parameter { name: "AclEnabled" }));
    }
}
