//! One-time links: what they are worth, to whom, and the mail they go with.

use std::sync::{Arc, Mutex};

use postwarden::access::{Actor, Role};
use postwarden::store::AccountChange;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::program::{Running, sign_in};
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

const NEW: &str = "violet tractor under nine bridges";

async fn panel() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    panel.account("joe", Role::Owner, &["mine.example"]).await;
    (panel, operator)
}

/// Makes a link for somebody and gives its token.
async fn token(operator: &Browser, name: &str) -> String {
    let answer = operator.post(&format!("accounts/{name}/invitation"), &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    token_on(&operator.get(answer.location()).await)
}

fn token_on(page: &Answer) -> String {
    let link = page.text(".secret output");
    let token = link
        .split_once("invitation?token=")
        .map(|(_, token)| token.to_owned());
    token.unwrap_or_else(|| panic!("no link: {}", page.text("main")))
}

/// Chooses a password with a link.
async fn choose(browser: &Browser, token: &str, password: &str) -> Answer {
    let fields = [
        ("token", token),
        ("new_password", password),
        ("repeat_password", password),
    ];
    browser.post("invitation", &fields).await
}

async fn opens(panel: &Panel, password: &str) -> bool {
    panel.database.forget_guesses().await;
    sign_in(&panel.browser(), "joe", password).await.status == 303
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_looking_at_it_uses_nothing_up() {
    let (panel, operator) = panel().await;
    let token = token(&operator, "joe").await;
    let browser = panel.browser();
    for _ in 0..3 {
        let page = browser.get(&format!("invitation?token={token}")).await;
        assert_eq!(page.status, 200);
        assert!(page.text("form").contains("Choose a password for joe"));
        assert_eq!(
            (page.field("token"), page.header("set-cookie")),
            (token.clone(), "")
        );
        assert_eq!(page.header("cache-control"), "no-store");
    }
    assert!(opens(&panel, PASSWORD).await, "the old one is good until then");
    let page = browser.get(&format!("invitation?token={token}")).await;
    let fields = [("new_password", NEW), ("repeat_password", NEW)];
    let answer = browser.submit(&page, &fields).await;
    assert_eq!((answer.status, answer.location()), (303, "/login?set=1"));
    assert!(
        browser
            .get(answer.location())
            .await
            .text(".notice")
            .contains("Your password is set")
    );
    assert_eq!(
        browser.get("aliases").await.status,
        303,
        "nobody is signed in by it"
    );
    assert!(opens(&panel, NEW).await && !opens(&panel, PASSWORD).await);
    for again in [
        browser.get(&format!("invitation?token={token}")).await,
        choose(&browser, &token, "another one of nine clouds").await,
    ] {
        assert_eq!(again.status, 404);
        assert!(again.text("[role=alert]").contains("worth nothing"));
        assert!(!again.body.contains(&token) && !again.body.contains("joe"));
    }
    assert!(opens(&panel, NEW).await);
    let events = panel.database.events("joe").await;
    assert!(
        events.contains(&"joe: set a password by a one-time link".to_owned()),
        "{events:?}"
    );
}

#[tokio::test]
async fn of_twenty_who_hold_the_link_one_sets_the_password() {
    let (panel, operator) = panel().await;
    let other = Panel::on(panel.database.clone()).await;
    let token = token(&operator, "joe").await;
    let mut tries = JoinSet::new();
    for n in 0..20 {
        let browser = if n % 2 == 0 {
            panel.browser()
        } else {
            other.browser()
        };
        let token = token.clone();
        tries.spawn(async move {
            let password = format!("{NEW} {n}");
            (choose(&browser, &token, &password).await.status, password)
        });
    }
    let done = tries.join_all().await;
    let set: Vec<_> = done.iter().filter(|(status, _)| *status == 303).collect();
    // Hashing is for two at a time; who waits too long is told to come again.
    assert!(
        done.iter().all(|(status, _)| matches!(status, 303 | 404 | 503)),
        "{done:?}"
    );
    assert_eq!(set.len(), 1, "{done:?}");
    assert!(opens(&panel, &set[0].1).await);
    let told = panel.database.events("joe").await;
    assert_eq!(
        told.iter()
            .filter(|event| event.contains("set a password"))
            .count(),
        1
    );
}

#[tokio::test]
async fn a_link_ends_after_three_days_with_a_newer_one_and_when_it_is_withdrawn() {
    let (panel, operator) = panel().await;
    let database = &panel.database;
    let left =
        "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), expires_at) BETWEEN 4318 AND 4320 FROM pw_invitations";
    let first = token(&operator, "joe").await;
    assert_eq!(database.value(left).await.as_deref(), Some("1"));
    let second = token(&operator, "joe").await;
    assert_eq!(
        choose(&panel.browser(), &first, NEW).await.status,
        404,
        "the newer one counts"
    );
    assert_eq!(
        panel
            .browser()
            .get(&format!("invitation?token={second}"))
            .await
            .status,
        200
    );
    database
        .script("UPDATE pw_invitations SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
        .await;
    assert_eq!(
        choose(&panel.browser(), &second, NEW).await.status,
        404,
        "too late"
    );
    assert!(
        !operator
            .get("accounts/joe")
            .await
            .text("main")
            .contains("One is out")
    );
    let third = token(&operator, "joe").await;
    assert!(
        operator
            .get("accounts/joe")
            .await
            .text("main")
            .contains("One is out")
    );
    operator
        .post("accounts/joe/invitation", &[("withdraw", "1")])
        .await;
    assert_eq!(
        choose(&panel.browser(), &third, NEW).await.status,
        404,
        "withdrawn"
    );
    let fourth = token(&operator, "joe").await;
    let hash = postwarden::access::hash(NEW.to_owned()).await.expect("a hash");
    let change = AccountChange::Password {
        hash: &hash,
        must_change: false,
    };
    panel.change_account("joe", change).await;
    assert_eq!(
        choose(&panel.browser(), &fourth, "nine clouds over a lake")
            .await
            .status,
        404,
        "a password was set"
    );
    for made_up in ["", "0", "'", &"f".repeat(48), &fourth.to_uppercase()] {
        assert_eq!(
            choose(&panel.browser(), made_up, NEW).await.status,
            404,
            "{made_up}"
        );
    }
    assert!(opens(&panel, NEW).await);
}

#[tokio::test]
async fn a_disabled_account_takes_no_password() {
    let (panel, operator) = panel().await;
    let token = token(&operator, "joe").await;
    panel.change_account("joe", AccountChange::Enabled(false)).await;
    assert_eq!(
        panel
            .browser()
            .get(&format!("invitation?token={token}"))
            .await
            .status,
        404
    );
    assert_eq!(choose(&panel.browser(), &token, NEW).await.status, 404);
    panel.change_account("joe", AccountChange::Enabled(true)).await;
    assert!(opens(&panel, PASSWORD).await);
    assert_eq!(choose(&panel.browser(), &token, NEW).await.status, 303);
}

#[tokio::test]
async fn a_password_that_is_refused_leaves_the_link_good() {
    let (panel, operator) = panel().await;
    let token = token(&operator, "joe").await;
    for (password, again, problem) in [
        ("short", "short", "has 5 characters"),
        ("", "", "has 0 characters"),
        (
            "passwordpassword",
            "passwordpassword",
            "among the first to be tried",
        ),
        (
            "mine.example-joe",
            "mine.example-joe",
            "among the first to be tried",
        ),
        (NEW, "violet tractor", "not what stands above"),
    ] {
        let fields = [
            ("token", &*token),
            ("new_password", password),
            ("repeat_password", again),
        ];
        let answer = panel.browser().post("invitation", &fields).await;
        assert_eq!(answer.status, 422, "{password}");
        assert!(
            answer.text("form").contains(problem),
            "{password}: {}",
            answer.text("form")
        );
        assert_eq!(answer.field("token"), token);
        assert_eq!(answer.attributes("input[type=password][value]", "value"), [""; 0]);
        assert!(
            password.len() < 6 || !answer.body.contains(password),
            "{password}"
        );
    }
    assert!(opens(&panel, PASSWORD).await);
    assert_eq!(choose(&panel.browser(), &token, NEW).await.status, 303);
    assert!(opens(&panel, NEW).await);
}

#[tokio::test]
async fn sessions_and_duties_from_before_end_with_the_new_password_and_a_second_factor_stays() {
    let (panel, operator) = panel().await;
    let joe = panel.browser();
    sign_in(&joe, "joe", PASSWORD).await;
    let factor = joe.set_up_second_factor().await;
    panel.change_account("joe", AccountChange::MustChange).await;
    let token = token(&operator, "joe").await;
    assert_eq!(choose(&panel.browser(), &token, NEW).await.status, 303);
    assert_eq!(joe.get("").await.location(), "/login?next=%2F");
    panel.database.forget_codes().await;
    let answer = sign_in(&joe, "joe", NEW).await;
    assert_eq!(answer.location(), "/login", "the code is asked for");
    assert_eq!(joe.enter_code(&factor.code()).await.location(), "/");
    assert_eq!(joe.get("aliases").await.status, 200, "the password is their own");
}

#[tokio::test]
async fn a_token_is_neither_in_the_database_nor_in_the_log() {
    let database = Database::fresh().await;
    for (name, role) in [("operator", "operator"), ("joe", "owner")] {
        crate::support::program::create_account(&database, name, role, &[]);
    }
    let program = Running::serve(&[
        ("DATABASE_URL", &database.url),
        ("POSTWARDEN_LOG__LEVEL", "trace"),
    ]);
    let operator = program.signed_in("operator", PASSWORD).await;
    operator.post("accounts/joe/invitation", &[]).await;
    let mut dump = Vec::new();
    for table in [
        "pw_invitations",
        "pw_sessions",
        "pw_account_events",
        "pw_accounts",
        "pw_changes",
        "pw_throttle",
    ] {
        dump.push(database.rows(&format!("SELECT * FROM {table}")).await);
        dump.push(
            database
                .rows(&format!(
                    "SELECT HEX(CONCAT_WS('', {})) FROM {table}",
                    columns(&database, table).await
                ))
                .await,
        );
    }
    let token = token_on(&operator.get("accounts/joe").await);
    let dump = format!("{dump:?}").to_lowercase();
    let as_text = hex::encode(&token);
    assert!(dump.contains("joe") && !dump.contains(&token) && !dump.contains(&as_text));
    program.browser().get(&format!("invitation?token={token}")).await;
    choose(&program.browser(), &token, "short").await;
    choose(&program.browser(), &token, NEW).await;
    program.stderr.wait_for("set a password by a one-time link");
    let log = program.stderr.all().join("\n");
    assert!(log.contains("invited by a one-time link") && log.contains("POST /invitation answered 303"));
    assert!(!log.contains(&token) && !log.contains(NEW), "{log}");
    program.stop();
}

async fn columns(database: &Database, table: &str) -> String {
    let query = format!(
        "SELECT GROUP_CONCAT(column_name) FROM information_schema.columns WHERE table_name = '{table}' AND table_schema = DATABASE()"
    );
    database.value(&query).await.expect("columns")
}

/// What a mail server was sent.
#[derive(Debug, Default)]
struct Mail {
    commands: Vec<String>,
    /// Lines of the message, each with whatever ended it.
    message: Vec<String>,
}

/// A mail server on this machine that keeps what it is sent.
struct Sink {
    url: String,
    mails: Arc<Mutex<Vec<Mail>>>,
    task: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink {
    /// One that answers RCPT like this; nothing makes it say nothing at all.
    async fn answering(rcpt: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        let task = tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                match rcpt {
                    Some(rcpt) => {
                        let mail = conversation(stream, rcpt).await;
                        kept.lock().expect("mails").push(mail);
                    }
                    None => silent.push(stream),
                }
            }
        });
        Self { url, mails, task }
    }

    fn mails(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.mails.lock().expect("mails"))
    }
}

/// RFC 5321, as little of it as a client needs.
async fn conversation(stream: TcpStream, rcpt: &str) -> Mail {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut mail = Mail::default();
    let mut answer = "220 sink.example ESMTP".to_owned();
    loop {
        if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return mail;
        }
        let mut line = String::new();
        if read.read_line(&mut line).await.unwrap_or(0) == 0 {
            return mail;
        }
        let command = line.trim_end().to_owned();
        let verb = command
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_uppercase();
        answer = match verb.as_str() {
            "RCPT" => rcpt.to_owned(),
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.expect("sent");
                loop {
                    let mut line = String::new();
                    if read.read_line(&mut line).await.unwrap_or(0) == 0 || line == ".\r\n" {
                        break;
                    }
                    mail.message.push(line);
                }
                "250 kept".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        mail.commands.push(command);
    }
}

async fn panel_with(smtp: &str, from: &str) -> (Panel, Browser) {
    let panel = Panel::with(Database::fresh().await, |config| {
        smtp.clone_into(&mut config.smtp.url);
        from.clone_into(&mut config.smtp.from);
    })
    .await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// A new owner with a mail to this address.
fn invited<'a>(name: &'a str, mail_to: &'a str) -> [(&'a str, &'a str); 3] {
    [("name", name), ("role", "owner"), ("mail_to", mail_to)]
}

#[tokio::test]
async fn the_mail_goes_to_the_person_with_the_link_once_and_unbroken() {
    let sink = Sink::answering(Some("250 ok")).await;
    let (panel, operator) = panel_with(&sink.url, "").await;
    assert!(
        operator
            .get("accounts/new")
            .await
            .body
            .contains("name=\"mail_to\"")
    );
    let answer = operator
        .post("accounts", &invited("joe", " Joe.Doe+x@Example.ORG "))
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let page = operator.get(answer.location()).await;
    assert!(
        page.text(".notice.ok")
            .contains("on its way to Joe.Doe+x@Example.ORG"),
        "{}",
        page.text(".notice")
    );
    assert_eq!(page.texts(".secret"), [""; 0], "the link is the person's");
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    let Mail { commands, message } = &mails[0];
    let rcpt: Vec<&String> = commands.iter().filter(|c| c.starts_with("RCPT")).collect();
    assert_eq!(rcpt, ["RCPT TO:<Joe.Doe+x@Example.ORG>"]);
    assert!(
        commands
            .iter()
            .any(|c| c.starts_with("MAIL FROM:<postwarden@127.0.0.1>")),
        "{commands:?}"
    );
    assert!(
        message
            .iter()
            .all(|line| line.ends_with("\r\n") && line.len() <= 1000),
        "{message:?}"
    );
    let blank = message
        .iter()
        .position(|line| line == "\r\n")
        .expect("an end of the header");
    let header = |name: &str| {
        let mut of = message[..blank]
            .iter()
            .filter(|line| line.starts_with(&format!("{name}: ")));
        let first = of.next().unwrap_or_else(|| panic!("no {name}: {message:?}"));
        assert!(of.next().is_none(), "{name} twice");
        first.trim_end().to_owned()
    };
    assert_eq!(header("To"), "To: Joe.Doe+x@Example.ORG");
    assert_eq!(header("From"), "From: Postwarden <postwarden@127.0.0.1>");
    assert_eq!(header("Subject"), "Subject: Your account for the mail panel");
    header("Date");
    let link = format!("{}invitation?token=", panel.base);
    let links: Vec<&String> = message
        .iter()
        .filter(|line| line.contains("invitation"))
        .collect();
    assert_eq!(links.len(), 1, "{message:?}");
    let token = links[0]
        .trim_end()
        .strip_prefix(&link)
        .expect("the link alone on its line");
    assert_eq!(token.len(), 48);
    assert_eq!(
        choose(&panel.browser(), token, NEW).await.status,
        303,
        "and it works"
    );
    assert!(
        !message
            .iter()
            .any(|line| line.contains("password:") || line.contains(PASSWORD))
    );
}

#[tokio::test]
async fn an_account_that_is_there_gets_its_mail_too_and_the_sender_is_the_settings() {
    let sink = Sink::answering(Some("250 ok")).await;
    let (panel, operator) = panel_with(&sink.url, "The Panel <panel@mail.example>").await;
    panel.account("joe@bloggs.com", Role::Owner, &[]).await;
    let page = operator.get("accounts/joe@bloggs.com").await;
    assert_eq!(
        page.field("mail_to"),
        "joe@bloggs.com",
        "a name that is an address is proposed"
    );
    let to = [("mail_to", "joe@bloggs.com")];
    let answer = operator.post("accounts/joe@bloggs.com/invitation", &to).await;
    assert_eq!(answer.status, 303);
    let mails = sink.mails();
    let all = format!("{:?}{:?}", mails[0].commands, mails[0].message);
    assert!(all.contains("MAIL FROM:<panel@mail.example>"), "{all}");
    assert!(
        all.contains("The Panel") && all.contains("operator has made"),
        "{all}"
    );
}

#[tokio::test]
async fn an_address_with_anything_else_in_it_is_refused_before_there_is_an_account() {
    let sink = Sink::answering(Some("250 ok")).await;
    let (panel, operator) = panel_with(&sink.url, "").await;
    panel.account("joe", Role::Owner, &[]).await;
    for bad in [
        "joe@example.org\r\nBcc: eve@example.net",
        "joe@example.org\nRCPT TO:<eve@example.net>",
        "\"joe\r\nBcc: eve@example.net\"@example.org",
        "\"joe\r\nx\" <joe@example.org>",
        "joe@example.org, eve@example.net",
        "joe@example.org> <eve@example.net",
        "joe@example.org\0",
        "joe@example.org\u{85}x",
        "Joe <joe@example.org>",
        "joe@",
        "@example.org",
        "joe",
    ] {
        let answer = operator.post("accounts", &invited("ann", bad)).await;
        assert_eq!(answer.status, 422, "{bad:?}");
        assert!(
            answer.text("#mail_to-error").contains("is no mail address"),
            "{bad:?}"
        );
        let answer = operator
            .post("accounts/joe/invitation", &[("mail_to", bad)])
            .await;
        assert_eq!(answer.status, 422, "{bad:?}");
        assert!(answer.text(".summary").contains("is no mail address"), "{bad:?}");
        assert_eq!(answer.attributes("input[name=mail_to]", "value").len(), 1);
    }
    assert!(sink.mails().is_empty());
    assert_eq!(
        panel.database.count("SELECT COUNT(*) FROM pw_invitations").await,
        0
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_accounts").await, 2);
}

#[tokio::test]
async fn a_mail_that_could_not_be_sent_is_told_and_the_link_is_shown_instead() {
    let refusing = Sink::answering(Some("550 5.1.1 no <such> person `here`")).await;
    let silent = Sink::answering(None).await;
    // Nobody listens there.
    let gone = Sink::answering(None).await.url.clone();
    for (url, why) in [
        (&refusing.url, "no <such> person"),
        (&silent.url, "did not answer within 10 seconds"),
        (&gone, "efused"),
    ] {
        let (panel, operator) = panel_with(url, "").await;
        let begun = std::time::Instant::now();
        let answer = operator
            .post("accounts", &invited("joe", "joe@example.org"))
            .await;
        assert_eq!(answer.status, 303, "{url}: {}", answer.text("main"));
        assert!(begun.elapsed().as_secs() < 15, "{url}");
        let page = operator.get(answer.location()).await;
        let notice = page.text(".notice.warn");
        assert!(
            notice.contains("could not be sent") && notice.contains(why),
            "{url}: {notice}"
        );
        assert!(!page.body.contains("<such>"), "escaped");
        assert_eq!(choose(&panel.browser(), &token_on(&page), NEW).await.status, 303);
        assert!(opens(&panel, NEW).await);
    }
    assert!(refusing.mails()[0].message.is_empty());
}

#[tokio::test]
async fn without_a_mail_server_no_field_asks_for_an_address_and_one_that_comes_is_refused() {
    let (panel, operator) = panel().await;
    assert!(!operator.get("accounts/new").await.body.contains("mail_to"));
    assert!(!operator.get("accounts/joe").await.body.contains("mail_to"));
    let answer = operator
        .post("accounts", &invited("ann", "ann@example.org"))
        .await;
    assert_eq!(answer.status, 422);
    assert!(answer.text("#mail_to-error").contains("No mail server is set up"));
    assert_eq!(answer.field("mail_to"), "ann@example.org");
    let answer = operator
        .post("accounts/joe/invitation", &[("mail_to", "joe@example.org")])
        .await;
    assert_eq!(answer.status, 422);
    assert!(answer.text(".summary").contains("No mail server is set up"));
    assert_eq!(
        panel.database.count("SELECT COUNT(*) FROM pw_invitations").await,
        0
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_accounts").await, 2);
}

#[tokio::test]
async fn settings_that_cannot_send_mail_keep_the_panel_from_starting() {
    let database = Database::fresh().await;
    for (url, from, named) in [
        ("mail.example.com:25", "", "smtp.url"),
        ("http://mail.example.com", "", "smtp.url"),
        ("smtp://mail.example.com", "no address", "smtp.from"),
        ("smtp://mail.example.com?tls=maybe", "", "smtp.url"),
    ] {
        let mut config = database.config();
        url.clone_into(&mut config.smtp.url);
        from.clone_into(&mut config.smtp.from);
        let store = database.store().await;
        let error = postwarden::web::App::new(store, config)
            .expect_err(url)
            .to_string();
        assert!(
            error.starts_with("settings: ") && error.contains(named),
            "{error}"
        );
    }
}

#[tokio::test]
async fn nobody_is_invited_to_an_account_that_is_shut() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    panel.account("ann", Role::Owner, &[]).await;
    for (change, undone, why) in [
        (
            AccountChange::Enabled(false),
            AccountChange::Enabled(true),
            "is disabled",
        ),
        (
            AccountChange::Expiry(Some(time::macros::datetime!(2020-01-01 0:00))),
            AccountChange::Expiry(None),
            "has expired",
        ),
    ] {
        let invited = panel
            .store
            .invite(&Actor::command_line(), "ann")
            .await
            .expect("a link");
        panel.change_account("ann", change).await;
        let page = panel
            .browser()
            .get(&format!("invitation?token={}", invited.token))
            .await;
        assert_eq!(page.status, 404, "a link that is out already");
        let refused = operator.post("accounts/ann/invitation", &[]).await;
        assert_eq!(refused.status, 400, "{}", refused.text("main"));
        assert!(refused.text("main").contains(why), "{}", refused.text("main"));
        panel.change_account("ann", undone).await;
    }
}
