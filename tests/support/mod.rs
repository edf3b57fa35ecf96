//! What every suite stands on: a private MariaDB per test program, a database per test, a panel on a free port, and a
//! client that behaves like a browser without JavaScript.
#![expect(clippy::disallowed_methods, reason = "tests look into the tables themselves")]
#![allow(dead_code, clippy::allow_attributes, reason = "no suite uses all of it")]

pub mod dns;
pub mod people;
pub mod postfix;
pub mod program;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use postwarden::access::{self, Actor, Grant, Role};
use postwarden::config::Config;
use postwarden::mail::DomainName;
use postwarden::mariadb::PrivateMariaDb;
use postwarden::store::{AccountChange, NewAccount, Store};
use postwarden::web::App;
use reqwest::header::HeaderMap;
use scraper::{ElementRef, Html, Selector};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row as _};

/// The password of every account that tests make.
pub const PASSWORD: &str = "correct horse battery staple";

/// The howto's own statements.
pub const HOWTO: &str = include_str!("../data/howto.sql");
/// Rows that other programs wrote.
pub const ODD_ROWS: &str = include_str!("../data/odd_rows.sql");

static SERVER: LazyLock<PrivateMariaDb> =
    LazyLock::new(|| PrivateMariaDb::start_temporary("tests").expect("a private MariaDB"));

/// One test's own database on the private server.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its address, with all rights.
    pub url: String,
    pub name: String,
}

impl Database {
    /// An empty database with the given options, such as `CHARACTER SET latin1`.
    pub async fn empty(options: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = MySqlConnection::connect(&SERVER.url("mysql"))
            .await
            .expect("the private MariaDB answers");
        let create = format!("CREATE DATABASE {name} {options}");
        connection
            .execute(AssertSqlSafe(create))
            .await
            .expect("a database");
        Self {
            url: SERVER.url(&name),
            name,
        }
    }

    /// A fresh installation: `migrate` on an empty database.
    pub async fn fresh() -> Self {
        let database = Self::empty("CHARACTER SET utf8mb4").await;
        database.store().await.migrate().await.expect("migrated");
        database
    }

    /// An adopted installation: the howto's statements, then `migrate`.
    pub async fn howto() -> Self {
        let database = Self::empty("CHARACTER SET utf8mb4").await;
        database.script(HOWTO).await;
        database.store().await.migrate().await.expect("migrated");
        database
    }

    /// An adopted installation of the oldest kind: latin1, with rows that other programs wrote.
    pub async fn odd() -> Self {
        let database = Self::empty("CHARACTER SET latin1").await;
        database.script(HOWTO).await;
        database.script(ODD_ROWS).await;
        database.store().await.migrate().await.expect("migrated");
        database
    }

    /// A store on it, with all rights.
    pub async fn store(&self) -> Store {
        Store::connect(&self.config())
            .await
            .expect("the database answers")
    }

    /// Default settings with this database.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        self.url.clone_into(&mut config.database.url);
        config.database.connections = 8;
        // The machine's own Postfix is not the tests'.
        config.postfix.config_dir.clear();
        config
    }

    async fn connection(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.url)
            .await
            .expect("the database answers")
    }

    /// Runs statements as another program would: not strict, in a connection of its own.
    pub async fn script(&self, statements: &str) {
        let mut connection = self.connection().await;
        connection
            .execute("SET SESSION sql_mode = ''")
            .await
            .expect("a mode");
        connection
            .execute(AssertSqlSafe(statements.to_owned()))
            .await
            .expect(statements);
    }

    /// The rows of a query, every column as text.
    pub async fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        let mut connection = self.connection().await;
        let rows = sqlx::query(AssertSqlSafe(query.to_owned()))
            .fetch_all(&mut connection)
            .await
            .expect(query);
        rows.iter()
            .map(|row| (0..row.len()).map(|i| text_of(row, i)).collect())
            .collect()
    }

    /// The first column of the first row of a query, as text.
    pub async fn value(&self, query: &str) -> Option<String> {
        self.rows(query)
            .await
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten())
    }

    /// The first column of the first row of a query that counts.
    pub async fn count(&self, query: &str) -> u64 {
        self.value(query)
            .await
            .expect("a count")
            .parse()
            .expect("a number")
    }
}

/// A value of any type as text: numbers are decoded, everything else is read as bytes.
fn text_of(row: &sqlx::mysql::MySqlRow, i: usize) -> Option<String> {
    use sqlx::{Column, TypeInfo};
    let kind = row.column(i).type_info().name().to_owned();
    if kind.contains("INT") && kind.contains("UNSIGNED") {
        return row
            .try_get_unchecked::<Option<u64>, _>(i)
            .expect("a number")
            .map(|n| n.to_string());
    }
    if kind.contains("INT") || kind == "BOOLEAN" {
        return row
            .try_get_unchecked::<Option<i64>, _>(i)
            .expect("a number")
            .map(|n| n.to_string());
    }
    row.try_get_unchecked::<Option<Vec<u8>>, _>(i)
        .expect("text")
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A panel on a free port of this machine, ended with the test.
#[derive(Debug)]
pub struct Panel {
    pub database: Database,
    pub store: Store,
    pub address: SocketAddr,
    /// The address of its first page, with a final slash.
    pub base: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Panel {
    /// A panel with default settings.
    pub async fn on(database: Database) -> Self {
        Self::with(database, |_| ()).await
    }

    /// A panel with changed settings.
    pub async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut config = database.config();
        config.listen = address;
        change(&mut config);
        let store = Store::connect(&config).await.expect("the database answers");
        let path = config.public().expect("an address").path().to_owned();
        let app = App::new(store.clone(), config).expect("a panel");
        let task = tokio::spawn(async move {
            app.serve(listener, std::future::pending()).await.expect("served");
        });
        Self {
            database,
            store,
            address,
            base: format!("http://{address}{path}"),
            task,
        }
    }

    /// An account, made as the command line would.
    pub async fn account(&self, name: &str, role: Role, domains: &[&str]) {
        let hash = access::hash(PASSWORD.to_owned()).await.expect("a hash");
        let grants: Vec<Grant> = domains
            .iter()
            .map(|d| Grant::whole(DomainName::parse(d).expect("a domain")))
            .collect();
        let new = NewAccount {
            name,
            role,
            hash: Some(&hash),
            grants: &grants,
            expires_at: None,
        };
        self.store
            .create_account(&Actor::command_line(), &new)
            .await
            .expect("an account");
    }

    /// Changes an account, as the command line would.
    pub async fn change_account(&self, name: &str, change: AccountChange<'_>) {
        self.store
            .change_account(&Actor::command_line(), name, change)
            .await
            .expect("a changed account");
    }

    /// Grants all of a domain, as the command line would.
    pub async fn grant(&self, name: &str, domain: &str) {
        let grant = Grant::whole(DomainName::parse(domain).expect("a domain"));
        self.store
            .grant(&Actor::command_line(), name, &grant)
            .await
            .expect("granted");
    }

    /// Takes a domain back, as the command line would.
    pub async fn revoke(&self, name: &str, domain: &str) {
        let domain = DomainName::parse(domain).expect("a domain");
        self.store
            .revoke(&Actor::command_line(), name, &domain)
            .await
            .expect("taken back");
    }

    /// A browser nobody has signed in with.
    pub fn browser(&self) -> Browser {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Browser {
            client,
            base: self.base.clone(),
        }
    }

    /// A page as a browser sees it that has just this cookie, given as `name=value`.
    pub async fn get_with(&self, path: &str, cookie: &str) -> Answer {
        let browser = self.browser();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Answer::of(client.get(browser.url(path)).header("cookie", cookie)).await
    }

    /// A browser with somebody signed in, whose account is made for it.
    pub async fn signed_in(&self, name: &str, role: Role, domains: &[&str]) -> Browser {
        self.account(name, role, domains).await;
        let browser = self.browser();
        let answer = browser
            .post("login", &[("username", name), ("password", PASSWORD)])
            .await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// A browser with an operator signed in.
    pub async fn operator(&self) -> Browser {
        self.signed_in("operator", Role::Operator, &[]).await
    }
}

/// A browser without JavaScript that shows redirects instead of following them.
#[derive(Debug, Clone)]
pub struct Browser {
    pub client: reqwest::Client,
    pub base: String,
}

impl Browser {
    /// The whole address of a page given without a leading slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{}", self.base, path.trim_start_matches('/'))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(self.url(path))).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::of(self.client.post(self.url(path)).form(fields)).await
    }

    /// Sends the form a page shows, with some fields changed or added.
    pub async fn submit(&self, page: &Answer, changes: &[(&str, &str)]) -> Answer {
        let (action, mut fields) = page.form();
        fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        fields.extend(changes.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let address = url::Url::parse(&self.base)
            .and_then(|base| base.join(&action))
            .expect("an address");
        Answer::of(self.client.post(address).form(&fields)).await
    }

    /// What work came to that may have gone on behind the pages; the answer itself where it did not.
    pub async fn finished(&self, answer: Answer) -> Answer {
        let mut answer = answer;
        while answer.status == 303 && answer.location().contains("/jobs/") {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let shown = self.get(answer.location()).await;
            if shown.status != 200 || shown.header("refresh").is_empty() {
                answer = shown;
            }
        }
        answer
    }

    /// Posts, and confirms if the page asks to.
    pub async fn post_confirmed(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, fields).await;
        if answer.status != 200 {
            return answer;
        }
        let confirmed = [fields, &[("confirm", "1")]].concat();
        self.post(path, &confirmed).await
    }
}

/// What the panel answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Whether the page waits for a confirmation.
    pub fn asks(&self) -> bool {
        self.status == 200 && !self.attributes("button[name=confirm]", "value").is_empty()
    }

    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Self {
            status,
            headers,
            body: response.text().await.expect("a body"),
        }
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    /// The cookie it sets, as `name=value`; empty where it sets none.
    pub fn cookie(&self) -> String {
        let set = self.header("set-cookie");
        set.split(';').next().unwrap_or_default().to_owned()
    }

    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The texts of all elements a selector finds, white space squeezed.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let selector = Selector::parse(selector).expect("a selector");
        html.select(&selector).map(squeezed).collect()
    }

    /// The text of the first element a selector finds; empty where there is none.
    pub fn text(&self, selector: &str) -> String {
        self.texts(selector).into_iter().next().unwrap_or_default()
    }

    /// An attribute of every element a selector finds.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let selector = Selector::parse(selector).expect("a selector");
        html.select(&selector)
            .filter_map(|e| e.value().attr(name))
            .map(str::to_owned)
            .collect()
    }

    /// What stands in a field of the page's form: an input's value, a textarea's text, a select's choice.
    pub fn field(&self, name: &str) -> String {
        let textarea = self.texts_raw(&format!("textarea[name={name}]"));
        let chosen = self.attributes(&format!("select[name={name}] option[selected]"), "value");
        let input = self.attributes(&format!("main input[name={name}]"), "value");
        textarea
            .into_iter()
            .chain(chosen)
            .chain(input)
            .next()
            .unwrap_or_default()
    }

    /// Where the page's own form is sent, and what a browser would send with it when no named button is pressed.
    pub fn form(&self) -> (String, Vec<(String, String)>) {
        let html = Html::parse_document(&self.body);
        let forms = Selector::parse("main form[method=post].panel, main form[method=post].buttons");
        let form = html
            .select(&forms.expect("a selector"))
            .next()
            .expect("a form on the page");
        let fields = Selector::parse("input[name], textarea[name], select[name]").expect("a selector");
        let chosen = Selector::parse("option[selected]").expect("a selector");
        let value = |e: ElementRef<'_>| e.value().attr("value").unwrap_or_default().to_owned();
        let sent = form.select(&fields).filter_map(|e| {
            let name = e.value().attr("name").unwrap_or_default().to_owned();
            let text = match e.value().name() {
                "textarea" => e.text().collect(),
                "select" => value(e.select(&chosen).next()?),
                _ if matches!(e.value().attr("type"), Some("checkbox" | "radio"))
                    && e.value().attr("checked").is_none() =>
                {
                    return None;
                }
                _ => value(e),
            };
            Some((name, text))
        });
        let action = form.value().attr("action").unwrap_or_default().to_owned();
        (action, sent.collect())
    }

    fn texts_raw(&self, selector: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        let selector = Selector::parse(selector).expect("a selector");
        html.select(&selector)
            .map(|e| e.text().collect::<String>())
            .collect()
    }
}

fn squeezed(element: ElementRef<'_>) -> String {
    element
        .text()
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
