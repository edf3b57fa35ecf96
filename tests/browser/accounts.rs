//! Invited, signed in with a second factor, asked again: what people do with their accounts, in a real browser.

use serde_json::json;

use crate::pages::look_at;
use crate::support::people::{Factor, secret_from};
use crate::support::{Database, PASSWORD, Panel};
use crate::window::Window;

const NEW: &str = "violet tractor under nine bridges";

/// What a phone reads in the part of the window where an element stands; looked at as it is painted.
async fn scanned(window: &Window, selector: &str) -> String {
    let here = window.driver().current_url().await.expect("an address");
    let place = format!(
        "const box = document.querySelector('{selector}').getBoundingClientRect(); \
         return [box.x + scrollX, box.y + scrollY, box.width, box.height]"
    );
    let [x, y, width, height]: [f64; 4] = window.script(&place).await;
    assert!(
        width > 150.0 && (width - height).abs() < 1.0,
        "{width} x {height}"
    );
    let parameters = json!({
        "clip": {"x": x, "y": y, "width": width, "height": height, "scale": 1},
        "captureBeyondViewport": true,
    });
    let picture = window
        .driver()
        .cdp()
        .send_raw("Page.captureScreenshot", parameters)
        .await;
    let picture = picture.expect("a picture")["data"]
        .as_str()
        .expect("base64")
        .to_owned();
    // A page whose policy does not forbid to look into pictures.
    window
        .driver()
        .goto("data:text/html,<title>scanner</title>")
        .await
        .expect("a page");
    let script = "const [data, done] = arguments; const image = new Image(); image.onload = () => { \
                  const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height; \
                  const context = canvas.getContext('2d'); context.drawImage(image, 0, 0); \
                  const pixels = context.getImageData(0, 0, image.width, image.height).data, grey = []; \
                  for (let i = 0; i < pixels.length; i += 4) grey.push(Math.round((pixels[i] + pixels[i + 1] + pixels[i + 2]) / 3)); \
                  done([image.width, grey]) }; image.src = 'data:image/png;base64,' + data;";
    let answer = window
        .driver()
        .execute_async(script, vec![json!(picture)])
        .await
        .expect("pixels");
    let (width, grey): (usize, Vec<u8>) = answer.convert().expect("pixels");
    window.driver().goto(here.as_str()).await.expect("back");
    assert_eq!((grey[0], grey[grey.len() - 1]), (255, 255), "white around it");
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(width, grey.len() / width, |x, y| grey[y * width + x]);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1, "one code is found");
    codes[0].decode().expect("it is whole").1
}

#[tokio::test]
async fn somebody_sets_up_a_second_factor_and_signs_in_with_it() {
    let panel = Panel::on(Database::fresh().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("account").await;
    window.press("Set it up").await;
    window.press("Set it up").await;
    let typed = window.text("#secret-key").await;
    let mut read = Vec::new();
    for (scheme, width) in [("light", 0), ("dark", 0), ("dark", 320)] {
        window.be_phone(width).await;
        window.prefer(scheme).await;
        let light: bool = window
            .script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).every(c => c > 200)")
            .await;
        assert_eq!(light, scheme == "light");
        read.push(scanned(&window, ".qr svg").await);
    }
    window.be_phone(0).await;
    read.dedup();
    assert_eq!(read.len(), 1, "{read:?}");
    let key = format!("secret={}", typed.replace(' ', ""));
    assert!(
        read[0].starts_with("otpauth://totp/Postwarden") && read[0].contains(&key),
        "{}",
        read[0]
    );
    assert!(read[0].contains("operator"), "{}", read[0]);
    let mut faults = look_at(&window, "a second factor to scan").await;

    let mut factor = Factor {
        secret: secret_from(&typed),
        recovery: Vec::new(),
    };
    window.fill("code", &factor.wrong_code()).await;
    window.fill("own_password", PASSWORD).await;
    window.press("Turn it on").await;
    faults.extend(look_at(&window, "a wrong first code").await);
    assert!(window.text(".summary").await.contains("not the code"));
    window.fill("code", &factor.code()).await;
    window.fill("own_password", PASSWORD).await;
    window.press("Turn it on").await;
    factor.recovery = window
        .text("#secret")
        .await
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    assert_eq!(factor.recovery.len(), 10, "{}", window.text("main").await);
    faults.extend(look_at(&window, "recovery codes").await);

    window.press("Sign out").await;
    panel.database.forget_codes().await;
    window.fill("username", "operator").await;
    window.fill("password", PASSWORD).await;
    window.press("Sign in").await;
    assert_eq!(window.path().await, "/login");
    faults.extend(look_at(&window, "the code").await);
    window.fill("code", &factor.wrong_code()).await;
    window.press("Go on").await;
    faults.extend(look_at(&window, "a wrong code").await);
    window.fill("code", &factor.code()).await;
    window.press("Go on").await;
    assert_eq!(window.path().await, "/");
    window.visit("account").await;
    assert!(window.text(".settings").await.contains("10 of 10 recovery codes"));

    window.press("Sign out").await;
    window.fill("username", "operator").await;
    window.fill("password", PASSWORD).await;
    window.press("Sign in").await;
    window.fill("code", &factor.recovery[0].to_uppercase()).await;
    window.press("Go on").await;
    assert!(window.text(".notice.warn").await.contains("9 codes are left"));
    window.press("Second factor").await;
    faults.extend(look_at(&window, "a second factor that is on").await);
    window.press("Turn it off…").await;
    assert_eq!(window.text("h1").await, "Is it you?");
    faults.extend(look_at(&window, "password and code asked again").await);
    panel.database.forget_codes().await;
    window.fill("own_password", PASSWORD).await;
    window.fill("own_code", &factor.code()).await;
    window.press("Go on").await;
    assert_eq!(window.path().await, "/account");
    assert!(faults.is_empty(), "{faults:#?}");
    window.close().await;
}

#[tokio::test]
async fn an_operator_invites_somebody_who_chooses_a_password_without_scripts() {
    let panel = Panel::on(Database::fresh().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("accounts").await;
    window.press("New account").await;
    window.fill("name", "joe@bloggs.com").await;
    window.fill("domain", "bloggs.com\nshop.example").await;
    panel.database.age_proofs(10).await;
    window.press("Create and invite").await;
    let mut faults = look_at(&window, "the password asked again").await;
    window.fill("own_password", PASSWORD).await;
    window.press("Go on").await;
    assert_eq!(window.path().await, "/accounts/joe@bloggs.com");
    faults.extend(look_at(&window, "a link shown once").await);
    let link = window.text("#secret").await;
    assert!(window.has("#grants").await && window.text("main").await.contains("shop.example"));
    window.close().await;

    let link = link
        .strip_prefix(&panel.base)
        .expect("a link into the panel")
        .to_owned();
    let window = Window::without_scripts(&panel).await;
    window.visit(&link).await;
    window.fill("new_password", "short").await;
    window.fill("repeat_password", "other").await;
    window.press("Set the password").await;
    assert!(window.text(".error-text").await.contains("has 5 characters"));
    window.fill("new_password", NEW).await;
    window.fill("repeat_password", NEW).await;
    window.press("Set the password").await;
    assert!(window.text(".notice").await.contains("Your password is set"));
    window.fill("username", "joe@bloggs.com").await;
    window.fill("password", NEW).await;
    window.press("Sign in").await;
    assert_eq!(window.path().await, "/");
    window.visit("account").await;
    assert!(window.text("main").await.contains("shop.example"));
    window.visit(&link).await;
    assert!(window.text("main").await.contains("worth nothing"));
    assert!(faults.is_empty(), "{faults:#?}");
    window.close().await;
}

#[tokio::test]
async fn pages_for_who_is_not_signed_in_yet_are_sound_fit_a_phone_and_can_be_read() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    let name = crate::pages::long_owner();
    let made = operator
        .post("accounts", &[("name", &*name), ("role", "owner")])
        .await;
    let link = operator.get(made.location()).await.text("#secret");
    let link = link
        .strip_prefix(&panel.base)
        .expect("a link into the panel")
        .to_owned();
    let window = Window::open(&panel).await;
    window.visit(&link).await;
    let mut faults = look_at(&window, "an invitation").await;
    window.fill("new_password", "short").await;
    window.fill("repeat_password", "other").await;
    window.press("Set the password").await;
    faults.extend(look_at(&window, "a refused password").await);
    window.visit("invitation?token=nothing").await;
    faults.extend(look_at(&window, "a link worth nothing").await);
    window.visit("login?set=1").await;
    faults.extend(look_at(&window, "a password that is set").await);
    assert!(faults.is_empty(), "{faults:#?}");
    window.close().await;
}
