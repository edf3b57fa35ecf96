//! How pages look: widths, colour schemes, contrast.

use crate::support::{Database, Panel};
use crate::window::Window;

/// Whether the page is wider than the window, and what sticks out.
const TOO_WIDE: &str = r"
const root = document.documentElement, faults = [];
if (root.scrollWidth <= root.clientWidth) return faults;
faults.push(root.scrollWidth + ' px in ' + root.clientWidth);
for (const node of document.body.querySelectorAll('*'))
    if (node.getBoundingClientRect().right > root.clientWidth + 0.5 && !node.closest('.hidden')) {
        faults.push(Math.round(node.getBoundingClientRect().right) + ': ' + node.outerHTML.slice(0, 100));
        if (faults.length > 4) break;
    }
return faults;
";

/// Texts whose contrast is below what WCAG 2.2 (1.4.3) asks for.
const FAINT: &str = r"
const parse = text => {
    const numbers = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
    const scale = text.startsWith('color(') ? 255 : 1;
    if (text.startsWith('color(')) numbers.splice(0, numbers.length - (text.includes('/') ? 4 : 3));
    return [numbers[0] * scale, numbers[1] * scale, numbers[2] * scale, numbers[3] ?? 1];
};
const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
const ground = node => {
    const layers = [];
    for (let n = node; n; n = n.parentElement) layers.push(parse(getComputedStyle(n).backgroundColor));
    const dark = getComputedStyle(document.documentElement).colorScheme === 'dark';
    return layers.reduceRight((under, layer) => over(layer, under), dark ? [18, 18, 18, 1] : [255, 255, 255, 1]);
};
const opacity = node => { let o = 1; for (let n = node; n; n = n.parentElement) o *= getComputedStyle(n).opacity; return o; };
const light = colour => {
    const [r, g, b] = colour.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const faults = new Set();
const check = (node, style, what) => {
    const under = ground(node), colour = parse(style.color);
    colour[3] *= opacity(node);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const found = ratio(over(colour, under), under);
    if (found < least - 0.005)
        faults.add(found.toFixed(2) + ' ' + node.tagName + '.' + node.className + ' ' + what.trim().slice(0, 30));
};
let seen = 0;
for (const node of document.body.querySelectorAll('*')) {
    if (node.closest('.hidden, [disabled], datalist, option') || !node.checkVisibility({visibilityProperty: true})) continue;
    const style = getComputedStyle(node);
    const own = [...node.childNodes].filter(c => c.nodeType === 3 && c.data.trim()).map(c => c.data).join(' ');
    if (own) { check(node, style, own); seen += 1; }
    if (node.matches('input:not([type=checkbox]), textarea, select')) { check(node, style, 'field'); seen += 1; }
    if (node.placeholder) check(node, getComputedStyle(node, '::placeholder'), 'placeholder');
    for (const part of ['::before', '::after']) {
        const drawn = getComputedStyle(node, part);
        if (!['none', 'normal'].includes(drawn.content) && /\p{L}|\p{N}/u.test(drawn.content.replace(/attr\(.*\)/, 'x')))
            check(node, drawn, part + drawn.content);
    }
}
if (seen < 3) faults.add('only ' + seen + ' texts');
return [...faults];
";

/// What makes the page scroll sideways on phones.
pub async fn too_wide(window: &Window, name: &str) -> Vec<String> {
    let mut all = Vec::new();
    for width in [360, 320] {
        window.be_phone(width).await;
        let faults: Vec<String> = window.script(TOO_WIDE).await;
        all.extend(
            faults
                .into_iter()
                .map(|fault| format!("{name} at {width}: {fault}")),
        );
    }
    all
}

/// What is hard to read, in either scheme.
pub async fn faint(window: &Window, name: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut grounds: Vec<String> = Vec::new();
    for scheme in ["light", "dark"] {
        window.prefer(scheme).await;
        let faults: Vec<String> = window.script(FAINT).await;
        all.extend(
            faults
                .into_iter()
                .map(|fault| format!("{name}, {scheme}: {fault}")),
        );
        grounds.push(
            window
                .script("return getComputedStyle(document.body).backgroundColor")
                .await,
        );
    }
    if grounds[0] == grounds[1] {
        all.push(format!("{name}: {} in both schemes", grounds[0]));
    }
    all
}

#[tokio::test]
async fn odd_rows_fit_a_phone_and_can_be_read() {
    let panel = Panel::on(Database::odd().await).await;
    let window = Window::signed_in(&panel).await;
    let mut all = Vec::new();
    for page in [
        "",
        "domains",
        "aliases",
        "backups",
        "relays",
        "relocated",
        "lists",
        "users",
        "overrides",
        "access",
        "search?q=e",
    ] {
        window.visit(page).await;
        all.extend(too_wide(&window, page).await);
        all.extend(faint(&window, page).await);
    }
    for (table, key) in [("domains", "pkid"), ("aliases", "pkid"), ("backups", "pkid")] {
        for row in panel
            .database
            .rows(&format!("SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 5"))
            .await
        {
            let page = format!("{table}/{}", row[0].as_deref().expect("a key"));
            window.visit(&page).await;
            all.extend(too_wide(&window, &page).await);
        }
    }
    assert!(all.is_empty(), "{all:#?}");
    window.close().await;
}
