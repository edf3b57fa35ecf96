//! What every page has to be, for screen readers and for the browser itself.

use crate::window::Window;

/// What is wrong with the page that is shown, one sentence each.
const FAULTS: &str = r"
const faults = [];
const fault = (what, node) => faults.push(what + ': ' + node.outerHTML.slice(0, 120));
const named = node => (node.getAttribute('aria-label') || '').trim() ||
    (node.getAttribute('aria-labelledby') || '').split(' ').some(id => document.getElementById(id)?.textContent.trim()) ||
    [...(node.labels || [])].some(label => label.textContent.trim());
if (document.compatMode !== 'CSS1Compat') faults.push('quirks mode');
if (!document.documentElement.lang) faults.push('no language');
if (!document.title.trim()) faults.push('no title');
if (document.querySelectorAll('h1').length !== 1) faults.push(document.querySelectorAll('h1').length + ' h1');
if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!named(field)) fault('without a label', field);
for (const button of document.querySelectorAll('button, a'))
    if (!button.textContent.trim() && !named(button) && !button.querySelector('img[alt]:not([alt=\'\'])')) fault('without words', button);
for (const image of document.querySelectorAll('img'))
    if (!image.hasAttribute('alt')) fault('without alt', image);
const ids = new Set();
for (const node of document.querySelectorAll('[id]'))
    if (ids.has(node.id)) fault('the same id again', node); else ids.add(node.id);
for (const [attribute, within] of [['aria-describedby', document], ['aria-labelledby', document], ['for', document], ['list', document], ['popovertarget', document]])
    for (const node of within.querySelectorAll('[' + attribute + ']'))
        for (const id of node.getAttribute(attribute).split(' '))
            if (!document.getElementById(id)) fault(attribute + ' leads nowhere', node);
for (const link of document.querySelectorAll('a[href^=\'#\']'))
    if (!document.getElementById(link.hash.slice(1))) fault('leads nowhere', link);
let level = 0;
for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) fault('skips a level', heading);
    level = own;
}
for (const node of document.querySelectorAll('[style], script:not([src]), [onclick]')) fault('inline', node);
return faults;
";

/// What is wrong with the markup of the page that is shown, and what its console says.
pub async fn faults(window: &Window, name: &str) -> Vec<String> {
    let mut all: Vec<String> = window.script(FAULTS).await;
    for entry in window.driver().browser_log().await.expect("a log") {
        // An answer of 404, 409 or 422 is noted as such; that is what the page is for.
        if !entry.message.contains("the server responded with a status of 4") {
            all.push(format!("console: {}", entry.message));
        }
    }
    all.into_iter().map(|fault| format!("{name}: {fault}")).collect()
}
