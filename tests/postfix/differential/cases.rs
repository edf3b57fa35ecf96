//! Tables that showed something once. What happens to their mail Postfix itself says.

use super::dataset::{Caller, Dataset, Entry, Letter};

/// A named data set.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    pub dataset: Dataset,
}

impl Case {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            dataset: Dataset {
                entries: Vec::new(),
                caller: Caller::Stranger(66),
                letters: Vec::new(),
            },
        }
    }

    fn row(mut self, table: &'static str, values: &[(&'static str, &str)]) -> Self {
        let values = values
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        self.dataset.entries.push(Entry { table, values });
        self
    }

    fn caller(mut self, caller: Caller) -> Self {
        self.dataset.caller = caller;
        self
    }

    fn mail(mut self, from: &str, to: &str) -> Self {
        self.dataset.letters.push(Letter {
            from: from.to_owned(),
            to: to.to_owned(),
        });
        self
    }

    fn domain(self, domain: &str) -> Self {
        self.row("domains", &[("domain", domain)])
    }

    fn alias(self, mail: &str, destination: &str) -> Self {
        self.row("aliases", &[("mail", mail), ("destination", destination)])
    }

    fn mailbox(self, id: &str, maildir: &str) -> Self {
        self.row("users", &[("id", id), ("maildir", maildir)])
    }

    fn to(self, to: &str) -> Self {
        self.mail("", to)
    }

    fn rule(self, kind: &str, pattern: &str, action: &str, message: &str) -> Self {
        let values = [
            ("kind", kind),
            ("pattern", pattern),
            ("action", action),
            ("message", message),
        ];
        self.row("access_rules", &values)
    }
}

/// Every one of them.
pub fn all() -> Vec<Case> {
    [
        plain(),
        loops(),
        sizes(),
        oddities(),
        spelling(),
        elsewhere(),
        rules(),
        leftovers(),
    ]
    .concat()
}

fn plain() -> Vec<Case> {
    vec![
        Case::new("a mailbox, and nobody beside it")
            .domain("d~.test")
            .mailbox("mary@d~.test", "d~/mary/")
            .to("mary@d~.test")
            .to("nobody@d~.test")
            .to("mary+shop@d~.test")
            .to("MARY@D~.TEST")
            .to("mary@sub.d~.test")
            .to("postmaster@d~.test"),
        Case::new("a catch-all takes the mail of a mailbox without an alias of its own")
            .domain("d~.test")
            .mailbox("mary@d~.test", "d~/mary/")
            .mailbox("joe@d~.test", "d~/joe/")
            .alias("@d~.test", "joe@d~.test")
            .alias("joe@d~.test", "joe@d~.test")
            .to("mary@d~.test")
            .to("any@d~.test"),
        Case::new("a mailbox for a whole domain")
            .domain("d~.test")
            .mailbox("@d~.test", "d~/all/")
            .to("any@d~.test")
            .to("any+shop@d~.test"),
        Case::new("a domain that is somebody else's backup too")
            .domain("d~.test")
            .row(
                "backups",
                &[("domain", "d~.test"), ("transport", ":[mail.friend.com]")],
            )
            .row("relays", &[("recipient", "@d~.test")])
            .mailbox("mary@d~.test", "d~/mary/")
            .to("mary@d~.test")
            .to("any@d~.test"),
        Case::new("an alias into a domain that is switched off")
            .domain("d~.test")
            .row("domains", &[("domain", "off.d~.test"), ("enabled", "0")])
            .alias("mary@d~.test", "mary@off.d~.test")
            .mailbox("mary@off.d~.test", "d~/mary/")
            .to("mary@d~.test")
            .to("mary@off.d~.test"),
    ]
}

fn loops() -> Vec<Case> {
    vec![
        Case::new("two aliases that lead to each other")
            .domain("d~.test")
            .alias("a@d~.test", "b@d~.test")
            .alias("b@d~.test", "a@d~.test")
            .to("a@d~.test"),
        Case::new("an alias that names itself and others")
            .domain("d~.test")
            .mailbox("a@d~.test", "d~/a/")
            .alias("a@d~.test", "b@far.test, a@d~.test")
            .to("a@d~.test"),
        Case::new("a domain that is another's alias, and back")
            .domain("d~.test")
            .domain("e.d~.test")
            .alias("@d~.test", "@e.d~.test")
            .alias("@e.d~.test", "@d~.test")
            .to("any@d~.test"),
        Case::new("a catch-all that is its own")
            .domain("d~.test")
            .alias("@d~.test", "@d~.test")
            .mailbox("mary@d~.test", "d~/mary/")
            .to("mary@d~.test")
            .to("any@d~.test"),
        Case::new("members that are named twice")
            .domain("d~.test")
            .mailbox("a@d~.test", "d~/a/")
            .alias("list@d~.test", "a@d~.test,A@d~.test,more@d~.test,b@far.test")
            .alias("more@d~.test", "a@d~.test,B@far.test")
            .to("list@d~.test"),
    ]
}

fn sizes() -> Vec<Case> {
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("m{n}@far.test")).collect();
        members.join(",")
    };
    // `last` links, from `c0` on.
    let chain = |mut case: Case, last: usize| {
        for n in 0..last {
            case = case.alias(&format!("c{n}@d~.test"), &format!("c{}@d~.test", n + 1));
        }
        case.mailbox(&format!("c{last}@d~.test"), "d~/last/")
            .to("c0@d~.test")
            .to(&format!("c{}@d~.test", last / 2))
    };
    let named = |name| Case::new(name).domain("d~.test");
    vec![
        named("as many members as Postfix follows, and one more")
            .alias("most@d~.test", &members(1000))
            .alias("more@d~.test", &members(1001))
            .alias("twice@d~.test", &format!("{0},{0}", members(600)))
            .alias("nested@d~.test", "most@d~.test,one@far.test")
            .to("most@d~.test")
            .to("more@d~.test")
            .to("twice@d~.test")
            .to("nested@d~.test"),
        chain(named("a chain of thirty aliases"), 30),
        chain(named("as long a chain as Postfix follows"), 999),
        chain(named("a chain of a thousand"), 1000),
        chain(named("a longer chain"), 1001),
        named("an address that is too long to lead to")
            .alias("a@d~.test", &format!("{}@far.test", "x".repeat(991)))
            .alias("b@d~.test", &format!("{}@far.test", "x".repeat(992)))
            .to("a@d~.test")
            .to("b@d~.test"),
    ]
}

fn oddities() -> Vec<Case> {
    vec![
        Case::new("recipients as hardly anybody types them")
            .domain("d~.test")
            .mailbox("mary@d~.test", "d~/mary/")
            .to("\"mary\"@d~.test")
            .to("\"mary@d~.test\"")
            .to("\"mary@d~.test\"@d~.test")
            .to("@relay.test:mary@d~.test")
            .to("@relay.test,@other.test:mary@d~.test")
            .to("Mary <mary@d~.test>")
            .to("mary(comment)@d~.test")
            .to("friends:mary@d~.test;")
            .to("mary@d~.test,mary@d~.test")
            .to("mary%d~.test")
            .to("d~.test!mary")
            .to("mary@127.0.0.9")
            .to("mary@[127.0.0.9]")
            .to("mary@[127.0.0]")
            .to("mary@[d~.test]")
            .to("mary@[IPv6:2001:db8::9]")
            .to("mary@[IPv6:x]")
            .to("mary@d~.test.")
            .to("-mary@d~.test"),
        Case::new("a bracket in one row that swallows the other")
            .domain("d~.test")
            .alias("a@d~.test", "x@far.test")
            .alias("a@d~.test", "y@far.test>,z@far.test")
            .to("a@d~.test"),
        Case::new("brackets and quotes that nobody closes")
            .domain("d~.test")
            .alias("a@d~.test", "Mary Contrary <mary@far.test")
            .alias("b@d~.test", "x@far.test, \"y@far.test")
            .alias("c@d~.test", "x@far.test (y@far.test")
            .alias("e@d~.test", "@far.test, \"x@far.test\"")
            .alias("f@d~.test", "x@far.test> y@far.test")
            .alias("g@d~.test", "<@one.test,@two.test:x@far.test>")
            .to("a@d~.test")
            .to("b@d~.test")
            .to("c@d~.test")
            .to("e@d~.test")
            .to("f@d~.test")
            .to("g@d~.test"),
    ]
}

fn spelling() -> Vec<Case> {
    vec![
        Case::new("words without a domain")
            .domain("d~.test")
            .alias("a@d~.test", "vivita~")
            .alias("b@d~.test", "b@far.test,@far.test")
            .alias("c@d~.test", "|command, /file")
            .to("a@d~.test")
            .to("b@d~.test")
            .to("c@d~.test"),
        Case::new("a destination of separators alone")
            .domain("d~.test")
            .alias("a@d~.test", ",")
            .alias("b@d~.test", " , ;")
            .alias("c@d~.test", "a@d~.test,x@far.test")
            .mailbox("a@d~.test", "d~/a/")
            .to("a@d~.test")
            .to("b@d~.test")
            .to("c@d~.test"),
        Case::new("what white space does not part, and what stands in quotes")
            .domain("d~.test")
            .alias("a@d~.test", "x@far.test.\ny@far.test")
            .alias("b@d~.test", "x@far.test Viv <v@far.test>, \"c@d~.test\"")
            .alias("c@d~.test", "z@far.test")
            .alias("e@d~.test", "@far.test, x@far.test")
            .alias("f@d~.test.", "x@far.test")
            .to("a@d~.test")
            .to("b@d~.test")
            .to("e@d~.test")
            .to("f@d~.test."),
        Case::new("addresses that are empty")
            .domain("d~.test")
            .alias("a@d~.test", "\"\"")
            .alias("b@d~.test", "@")
            .alias("c@d~.test", "x@far.test, @, <>, \"\"")
            .alias("e@d~.test", "<>")
            .alias("f@d~.test", "x@far.test, x@, @@far.test")
            .to("a@d~.test")
            .to("b@d~.test")
            .to("c@d~.test")
            .to("e@d~.test")
            .to("f@d~.test")
            .to("\"\"")
            .to("@")
            .to("a@"),
        Case::new("separators, names and comments")
            .domain("d~.test")
            .alias(
                "a@d~.test",
                "Viv <v@far.test>; w@far.test (a friend)\nx@far.test y@far.test,,z@far.test,",
            )
            .alias("b@d~.test", "\"Viv, the boss\" <v@far.test>")
            .alias("c@d~.test", "# comment")
            .alias("e@d~.test", "")
            .to("a@d~.test")
            .to("b@d~.test")
            .to("c@d~.test")
            .to("e@d~.test"),
        Case::new("keys as people mistype them")
            .domain(" d~.test")
            .domain("e.d~.test ")
            .domain("F.D~.TEST")
            .domain("g.d~.test.")
            .alias("@e.d~.test", "a@far.test")
            .alias("@f.d~.test", "a@far.test")
            .to("a@d~.test")
            .to("a@e.d~.test")
            .to("a@f.d~.test")
            .to("a@g.d~.test"),
        Case::new("directories as people mistype them")
            .domain("d~.test")
            .mailbox("a@d~.test", "d~/a")
            .mailbox("b@d~.test", "/d~//b/ ")
            .mailbox("c@d~.test", "d~/../d~/c/")
            .mailbox("e@d~.test", "/")
            .mailbox("f@d~.test", "")
            .mailbox("g@d~.test", "./d~/g/")
            .to("a@d~.test")
            .to("b@d~.test")
            .to("c@d~.test")
            .to("e@d~.test")
            .to("f@d~.test")
            .to("g@d~.test"),
    ]
}

fn elsewhere() -> Vec<Case> {
    let backup = |domain: &'static str, transport| [("domain", domain), ("transport", transport)];
    vec![
        Case::new("a backup with listed and refused recipients")
            .row("backups", &backup("d~.test", ":[mail.friend.com]"))
            .row("relays", &[("recipient", "@d~.test")])
            .row("relays", &[("recipient", "no@d~.test"), ("status", "REJECT")])
            .row(
                "relays",
                &[
                    ("recipient", "off@d~.test"),
                    ("status", "REJECT"),
                    ("enabled", "0"),
                ],
            )
            .to("any@d~.test")
            .to("no@d~.test")
            .to("no+shop@d~.test")
            .to("off@d~.test")
            .to("any@sub.d~.test"),
        Case::new("somebody moved away with a copy here")
            .domain("d~.test")
            .row("domains", &backup("joe@d~.test", "smtp:[aspmx.l.google.com]"))
            .row("backups", &backup("ann@d~.test", "smtp:[aspmx.l.google.com]"))
            .alias("joe@d~.test", "joe@d~.test")
            .alias("ann@d~.test", "ann@d~.test")
            .mailbox("mary@d~.test", "d~/mary/")
            .alias("@d~.test", "mary@d~.test")
            .to("joe@d~.test")
            .to("joe+shop@d~.test")
            .to("ann@d~.test")
            .to("any@d~.test"),
        Case::new("a domain with error, retry and discard for some")
            .domain("d~.test")
            .row("domains", &backup("e@d~.test", "error:5.1.1 gone"))
            .row("domains", &backup("r@d~.test", "retry:4.2.1 later"))
            .row("domains", &backup("s@d~.test", "retry:"))
            .row("domains", &backup("x@d~.test", "discard:"))
            .row("domains", &backup("u@d~.test", "nosuch:[mail.friend.com]"))
            .alias("e@d~.test", "e@d~.test")
            .alias("r@d~.test", "r@d~.test")
            .alias("x@d~.test", "x@d~.test")
            .alias("u@d~.test", "u@d~.test")
            .alias("all@d~.test", "e@d~.test,r@d~.test,x@d~.test,u@d~.test")
            .to("e@d~.test")
            .to("s@d~.test")
            .to("r@d~.test")
            .to("x@d~.test")
            .to("u@d~.test")
            .to("all@d~.test"),
        Case::new("local(8) for a domain")
            .row("domains", &backup("d~.test", "local:"))
            .alias("@d~.test", "@d~.test")
            .to("any@d~.test")
            .to("postmaster@d~.test")
            .to("postmaster+shop@d~.test"),
        Case::new("codes of another class than their transport")
            .domain("d~.test")
            .row("domains", &backup("e@d~.test", "error:4.2.1 odd"))
            .row("domains", &backup("r@d~.test", "retry:5.2.1 odd"))
            .alias("@d~.test", "@d~.test")
            .to("e@d~.test")
            .to("r@d~.test"),
        Case::new("people who have moved, with an extension too")
            .domain("d~.test")
            .alias("@d~.test", "x@far.test")
            .row("relocated", &[("oldadr", "mary@d~.test"), ("newadr", "a")])
            .row("relocated", &[("oldadr", "mary+shop@d~.test"), ("newadr", "b")])
            .row("relocated", &[("oldadr", "@d~.test"), ("newadr", "c")])
            .row("relocated", &[("oldadr", "zoe+shop@d~.test"), ("newadr", "d")])
            .row("relocated", &[("oldadr", "zoe@d~.test"), ("newadr", "e")])
            .to("mary@d~.test")
            .to("mary+shop@d~.test")
            .to("mary+other@d~.test")
            .to("zoe+shop@d~.test")
            .to("+shop@d~.test")
            .to("\" \"@d~.test")
            .to("\" x\"@d~.test"),
        Case::new("people who have moved")
            .domain("d~.test")
            .row(
                "relocated",
                &[("oldadr", "pete@d~.test"), ("newadr", "pete@new.test")],
            )
            .row(
                "relocated",
                &[("oldadr", "@gone.d~.test"), ("newadr", "@new.test")],
            )
            .row("relocated", &[("oldadr", "empty@d~.test"), ("newadr", "")])
            .alias("@d~.test", "@gone.d~.test")
            .alias("old@d~.test", "pete@d~.test")
            .to("pete@d~.test")
            .to("pete+shop@d~.test")
            .to("empty@d~.test")
            .to("old@d~.test")
            .to("any@gone.d~.test"),
    ]
}

fn rules() -> Vec<Case> {
    let caught = |name| {
        Case::new(name)
            .domain("d~.test")
            .domain("sub.d~.test")
            .alias("@d~.test", "a@far.test")
            .alias("@sub.d~.test", "a@far.test")
    };
    vec![
        caught("recipients under rules")
            .rule("recipient", "no@d~.test", "REJECT", "")
            .rule("recipient", "why@d~.test", "REJECT", "Go away")
            .rule("recipient", "code@d~.test", "REJECT", "5.1.3 Bad")
            .rule("recipient", "later@d~.test", "DEFER", "")
            .rule("recipient", "gone@d~.test", "DISCARD", "")
            .rule("recipient", "held@d~.test", "HOLD", "")
            .rule("recipient", "name~@", "REJECT", "")
            .to("no@d~.test")
            .to("no+shop@d~.test")
            .to("NO@d~.test")
            .to("why@d~.test")
            .to("code@d~.test")
            .to("later@d~.test")
            .to("gone@d~.test")
            .to("held@d~.test")
            .to("name~@sub.d~.test")
            .to("any@d~.test"),
        caught("a recipient's domain under a rule, from inside")
            .rule("recipient", "d~.test", "REJECT", "")
            .caller(Caller::Inside)
            .to("any@d~.test")
            .to("any@sub.d~.test")
            .to("any@far.test"),
        caught("a client's network under rules")
            .rule("client", "$.0/24", "REJECT", "")
            .rule("client", "$.64/26", "OK", "")
            .rule("sender", "spam.d~.test", "REJECT", "No")
            .mail("writer@far.test", "any@d~.test")
            .mail("writer@spam.d~.test", "any@d~.test"),
        caught("mail for nobody that a rule throws away, and mail in a loop")
            .domain("e.d~.test")
            .alias("a@e.d~.test", "b@e.d~.test")
            .alias("b@e.d~.test", "a@e.d~.test")
            .rule("sender", "spam.d~.test", "DISCARD", "")
            .mail("writer@spam.d~.test", "nobody@e.d~.test")
            .mail("writer@spam.d~.test", "a@e.d~.test"),
        caught("an IPv6 client's network under rules")
            .rule("client", "^::/64", "REJECT", "")
            .rule("client", "^::66", "DEFER", "")
            .caller(Caller::Six(0x66))
            .to("any@d~.test"),
        caught("an IPv6 client's network by what its address begins with")
            .rule("client", "^:", "REJECT", "")
            .caller(Caller::Six(0x66))
            .to("any@d~.test"),
        caught("a recipient without a name under rules")
            .rule("recipient", "d~.test", "REJECT", "")
            .to("@d~.test")
            .to("\"\"@d~.test")
            .to("any@d~.test"),
        Case::new("a recipient without a name, and people who have moved")
            .domain("d~.test")
            .alias("@d~.test", "x@far.test")
            .row("relocated", &[("oldadr", "@d~.test"), ("newadr", "new")])
            .rule("recipient", "d~.test", "DEFER", "")
            .to("\" \"@d~.test")
            .to("any@d~.test"),
        caught("senders in quotes")
            .rule("sender", "bad@spam~.test", "REJECT", "")
            .rule("sender", "two words@spam~.test", "REJECT", "")
            .mail("\"bad\"@spam~.test", "any@d~.test")
            .mail("\"two words\"@spam~.test", "any@d~.test")
            .mail("@relay.test:bad@spam~.test", "any1@d~.test")
            .mail("bad@spam~.test.", "any2@d~.test"),
        caught("mail that is held and then thrown away, or refused")
            .rule("recipient", "d~.test", "HOLD", "")
            .rule("sender", "off~.test", "DISCARD", "")
            .rule("sender", "no~.test", "REJECT", "")
            .rule("sender", "yes~.test", "OK", "")
            .mail("writer@off~.test", "any@d~.test")
            .mail("writer@no~.test", "any1@d~.test")
            .mail("writer@yes~.test", "any2@d~.test")
            .mail("writer@far.test", "any3@d~.test"),
        caught("a client's name under a rule")
            .rule("client", "caller.d~.test", "REJECT", "4.7.1 Later")
            .caller(Caller::Named(40))
            .to("any@d~.test"),
        caught("senders under rules")
            .rule("sender", "bad@spam~.test", "REJECT", "")
            .rule("sender", "list~@", "DEFER", "Later")
            .rule("sender", "off~.test", "DISCARD", "")
            .mail("bad@spam~.test", "any@d~.test")
            .mail("bad+x@spam~.test", "any1@d~.test")
            .mail("list~@far.test", "any2@d~.test")
            .mail("any@sub.off~.test", "any3@d~.test"),
    ]
}

/// What is left of lists that a column cut, and of things that are no addresses.
fn leftovers() -> Vec<Case> {
    vec![
        Case::new("destinations that are cut off in a bracket or in quotes")
            .domain("e.d~.test")
            .alias(
                "bracket@e.d~.test",
                "a~@far.test (a comment) Mary Contrary <bob~@far.test",
            )
            .alias("two@e.d~.test", "x <y <a~@far.test")
            .alias(
                "quotes@e.d~.test",
                "@sub.d~.test,,b~@far.test, \"joe~@delta.d~.test\"",
            )
            .alias("open@e.d~.test", "a~@far.test \"")
            .alias("empty@e.d~.test", "\"\"")
            .alias("nobody@e.d~.test", "<>")
            .alias("nothing@e.d~.test", "a~@far.test <>")
            .to("bracket@e.d~.test")
            .to("two@e.d~.test")
            .to("quotes@e.d~.test")
            .to("open@e.d~.test")
            .to("empty@e.d~.test")
            .to("nobody@e.d~.test")
            .to("nothing@e.d~.test"),
        Case::new("destinations with a word in quotes or a colon in the wrong place")
            .domain("e.d~.test")
            .alias("pipe@e.d~.test", "\"info~@sub.d~.test\" |command")
            .alias(
                "colon@e.d~.test",
                "mailto:x~@far.test Mary Contrary <mary~@far.test>",
            )
            .alias("include@e.d~.test", ":include:/file\t<joe~@far.test>")
            .alias("@f.d~.test", "@g.d~.test")
            .alias("@f.d~.test ", "joe~@far.test,mailto:x~@far.test")
            .alias("route@e.d~.test", "joe~@far.test,@f.d~.test")
            .to("pipe@e.d~.test")
            .to("colon@e.d~.test")
            .to("include@e.d~.test")
            .to("route@e.d~.test"),
    ]
}
