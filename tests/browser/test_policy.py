"""What the content security policy of the web page refuses to a script that got into it."""

from support.browser_page import Visit, in_both_browsers

#: Code, and the directive that refuses it.
ATTEMPTS = {
    "document.body.innerHTML = '<b>bold</b>'": "require-trusted-types-for",
    "document.createElement('script').src = 'app/main.js?other'": "require-trusted-types-for",
    "trustedTypes.createPolicy('other', {})": "trusted-types",
    "new Image().src = 'https://other.test/a.png'": "img-src",
    "fetch('https://other.test/').catch(() => {})": "connect-src",
    "document.body.append(Object.assign(document.createElement('iframe'), {src: 'https://other.test/'}))": "frame-src",
}
#: Runs code, and waits for the violation that the browser reports.
RUN = """() => new Promise((resolve) => {
  document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {once: true});
  try { CODE; } catch {}
})"""


@in_both_browsers
def test_policy_refuses_markup_and_other_hosts(visit: Visit) -> None:
    """The browser enforces each directive: Trusted Types, and no images, requests and frames of other hosts."""
    visit.expected_texts = {""}  # each refusal, which the browser may report late
    visit.open()
    refused_by = {code: visit.page.evaluate(RUN.replace("CODE", code)) for code in ATTEMPTS}
    assert refused_by == ATTEMPTS
    assert visit.page.locator("h1").count() == 1, "the page must stay as it was"
