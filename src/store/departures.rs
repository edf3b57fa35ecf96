//! People who go: one who left, and one whose mail moved to another provider. A plan reads every row about their address
//! and says what to write, so that all of it becomes one change.

use super::row::Stored;
use super::whole_domain::some;
use super::{Operation, Plan, Refusal, Store, Warning};
use crate::access::{Actor, Rights, Scope};
use crate::error::{Error, Result};
use crate::mail::{MailAddress, RelocationText, domain_of, items_of};
use crate::resource::overrides::PLACES;
use crate::resource::{Draft, Resource, Row, access, aliases, domains, relays, relocated, users};

/// Most lists that are looked at for one address.
const LISTS: usize = 50;

/// What the sender reads of somebody who left and would be caught by a catch-all.
const GONE: &str = "5.1.1 This address is no longer in use";

/// What becomes of the mail of somebody who left.
#[derive(Debug, Clone)]
pub struct Left {
    /// What becomes of what is sent to them.
    pub then: Then,
    /// Whether the address is taken out of the aliases that deliver to it.
    pub remove_from_lists: bool,
}

/// What becomes of mail to somebody who left.
#[derive(Debug, Clone)]
pub enum Then {
    /// The address is refused as one that does not exist.
    Refuse,
    /// It is refused, and the sender reads where the person is.
    Tell(RelocationText),
    /// A colleague gets it.
    Forward(MailAddress),
}

/// Every row about one address that an actor may see.
#[derive(Debug)]
pub struct Traces {
    /// The address.
    pub address: String,
    /// The rows, each with its table: mailbox, alias, overrides, relay recipient, relocation, access rule for recipients.
    pub rows: Vec<(&'static Resource, Stored)>,
    /// The other aliases that deliver to it, on or off; at most 50.
    pub lists: Vec<Stored>,
    /// Whether the domain is hosted here.
    pub is_hosted: bool,
    /// Whether the domain is relayed to its primary server.
    pub is_backup: bool,
}

impl Traces {
    /// The rows of a table.
    pub fn of<'t>(&'t self, resource: &Resource) -> impl Iterator<Item = &'t Stored> + use<'t> {
        let slug = resource.slug;
        let those = self.rows.iter().filter(move |(found, _)| found.slug == slug);
        those.map(|(_, stored)| stored)
    }
}

impl Store {
    /// Every row about an address that the actor may see.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn traces(&self, actor: &Actor, address: &str) -> Result<Traces> {
        let own = [address.to_owned()];
        let mut rows: Vec<(&'static Resource, Stored)> = Vec::new();
        for resource in [&users::RESOURCE, &aliases::RESOURCE] {
            let found = self.about(actor, resource, &own).await?;
            rows.extend(found.into_iter().map(|stored| (resource, stored)));
        }
        let overrides = self.overrides_of(actor, &own).await?;
        rows.extend(overrides.into_iter().flat_map(|found| found.rows));
        for resource in [&relays::RESOURCE, &relocated::RESOURCE, &access::RESOURCE] {
            let found = self.about(actor, resource, &own).await?;
            let found = found
                .into_iter()
                .filter(|stored| is_about_recipients(&stored.row));
            rows.extend(found.map(|stored| (resource, stored)));
        }
        let mut lists = Vec::new();
        for (key, _) in self.mentioning(actor, address).await? {
            let stored = self.find(actor, &aliases::RESOURCE, &key).await?;
            if stored.row.subject(&aliases::RESOURCE) != address {
                lists.push(stored);
            }
        }
        let hosting = self
            .about(actor, &domains::RESOURCE, &[domain_of(address)])
            .await?;
        Ok(Traces {
            address: address.to_owned(),
            rows,
            lists,
            is_hosted: hosting.iter().any(|stored| stored.row.is_enabled()),
            is_backup: self.is_backup(actor, address).await?,
        })
    }

    /// What to write when somebody has left.
    ///
    /// # Errors
    /// A row is in the way that has to be mended first, or the database does not answer.
    pub async fn plan_left(&self, actor: &Actor, address: &str, left: &Left) -> Result<Plan> {
        let mut leaving = self.departure(actor, address).await?;
        leaving.switch_off(&users::RESOURCE);
        match &left.then {
            Then::Refuse => leaving.switch_off(&aliases::RESOURCE),
            Then::Tell(text) => {
                leaving.switch_off(&aliases::RESOURCE);
                leaving.tell(text)?;
            }
            Then::Forward(colleague) => {
                leaving.forward(colleague).await?;
                leaving.open_the_door().await?;
            }
        }
        leaving.switch_off(PLACES[0]);
        leaving.leave_lists(left)?;
        if matches!(left.then, Then::Refuse) {
            // Last: a catch-all that led to nobody else is gone by now.
            leaving.refuse().await?;
        }
        if leaving.traces.of(&users::RESOURCE).next().is_some() {
            leaving.say("What is in the mailbox stays on disk.");
        }
        Ok(leaving.plan)
    }

    /// What to write when somebody's mail has moved to another provider. The draft is one of `place`, the table overrides
    /// are kept in.
    ///
    /// # Errors
    /// A row is in the way that has to be mended first, or the database does not answer.
    pub async fn plan_moved(
        &self,
        actor: &Actor,
        place: &'static Resource,
        draft: &Draft,
        keep_mailbox: bool,
    ) -> Result<Plan, Refusal> {
        let address = draft.text("domain");
        let mut moving = self.departure(actor, &address).await?;
        for caution in &draft.cautions {
            moving.warn(caution.message.clone());
        }
        moving.open_the_door().await?;
        let own = std::slice::from_ref(&address);
        let before = self.overrides_of(actor, own).await?.pop();
        let mut plan = self.plan_override(actor, place, draft, before.as_ref()).await?;
        // What the overview of rows says already.
        plan.told.clear();
        moving.plan.merge(plan);
        let has_mailbox = moving
            .traces
            .of(&users::RESOURCE)
            .any(|stored| stored.row.is_enabled());
        if has_mailbox && keep_mailbox {
            moving.say("The mailbox stays: what is in it can be read, and nothing new arrives there.");
        } else if has_mailbox {
            moving.switch_off(&users::RESOURCE);
            moving.say("What is in the mailbox stays on disk.");
        }
        Ok(moving.plan)
    }

    async fn departure<'a>(&'a self, actor: &'a Actor, address: &str) -> Result<Departure<'a>> {
        let traces = self.traces(actor, address).await?;
        let mut departure = Departure {
            store: self,
            actor,
            plan: Plan::default(),
            traces,
        };
        if !departure.traces.is_hosted && !departure.traces.is_backup {
            departure.warn(format!(
                "`{}` is not an enabled domain of this server, nor a backup MX entry: strangers who write to `{address}` get \
                 554 Relay access denied whatever is written here.",
                domain_of(address)
            ));
        }
        Ok(departure)
    }
}

/// Rows of other tables, and access rules that are about mail to an address.
fn is_about_recipients(row: &Row) -> bool {
    !row.has("kind") || row.text("kind").trim().eq_ignore_ascii_case("recipient")
}

/// One departure that is being planned.
struct Departure<'a> {
    store: &'a Store,
    actor: &'a Actor,
    traces: Traces,
    plan: Plan,
}

impl Departure<'_> {
    fn say(&mut self, sentence: impl Into<String>) {
        self.plan.told.push(sentence.into());
    }

    fn warn(&mut self, message: impl Into<String>) {
        self.plan.warnings.push(Warning {
            confirm: true,
            message: message.into(),
        });
    }

    /// Switches off what a table has about the address, overrides in whichever table they stand.
    fn switch_off(&mut self, resource: &Resource) {
        let rows = self.traces.rows.iter();
        let on: Vec<(&'static Resource, Row)> = rows
            .filter(|(found, stored)| found.slug == resource.slug && stored.row.is_enabled())
            .map(|(found, stored)| (*found, stored.row.clone()))
            .collect();
        for (resource, row) in on {
            self.switch_row_off(resource, &row);
        }
    }

    /// Switches a row off, unless it is the operator's to switch; whether it did.
    fn switch_row_off(&mut self, resource: &'static Resource, row: &Row) -> bool {
        let subject = row.subject(resource);
        if self.actor.rights(resource, &subject) == Rights::Read {
            self.warn(format!(
                "The {} `{subject}` stays on: it is kept by the operator.",
                resource.words.noun
            ));
            return false;
        }
        self.plan.operations.push(Operation::SetEnabled {
            resource,
            keys: vec![row.key.clone()],
            enabled: false,
        });
        true
    }

    /// Creates a row, or changes the one there is.
    fn put(&mut self, resource: &'static Resource, fields: &[(&'static str, &str)]) -> Result<()> {
        let draft = self.store.draft(resource, fields)?;
        let there = self.traces.of(resource).next();
        let operation = match there {
            None => Operation::Create { resource, draft },
            Some(stored) => Operation::Update {
                resource,
                key: stored.row.key.clone(),
                version: Some(stored.image.version()),
                draft,
            },
        };
        self.plan.operations.push(operation);
        Ok(())
    }

    /// Has an address refused that no row of its own accepts any more, where a row for all of the domain still would.
    async fn refuse(&mut self) -> Result<()> {
        let address = self.traces.address.clone();
        if let Some(stored) = self.enabled(&relocated::RESOURCE) {
            let told = stored.row.text("newadr").to_owned();
            self.say(format!(
                "The relocation of `{address}` stays: senders are refused and read that it has moved to `{told}`."
            ));
        }
        if self.traces.is_backup && !self.traces.is_hosted {
            self.refuse_recipient().await?;
        }
        let Some(taker) = self.catch_all().await? else {
            return Ok(());
        };
        let resource = &access::RESOURCE;
        if self.store.table(resource).await?.is_none() {
            self.warn(format!(
                "{taker} takes all mail for `{address}` from now on: the table access_rules, which would refuse it, is not \
                 there."
            ));
        } else if self.actor.rights(resource, &address) != Rights::All {
            self.warn(format!(
                "{taker} takes all mail for `{address}` from now on. Access rules are kept by the operator: ask them to block \
                 the address, or choose that senders are told or that a colleague gets the mail."
            ));
        } else {
            let message = match self.traces.of(resource).next() {
                Some(rule) if rule.row.text("action") == "REJECT" => rule.row.text("message").to_owned(),
                _ => GONE.to_owned(),
            };
            self.put(
                resource,
                &[
                    ("kind", "recipient"),
                    ("pattern", &address),
                    ("action", "REJECT"),
                    ("message", &message),
                    ("enabled", "1"),
                ],
            )?;
            self.say(format!(
                "{taker} would take the mail for `{address}` otherwise: an access rule refuses it. Postfix has to \
                 ask access_rules for that, as the generated configuration does."
            ));
        }
        Ok(())
    }

    /// The same of an address that the primary server had, by the list of relay recipients.
    async fn refuse_recipient(&mut self) -> Result<()> {
        let (address, resource) = (self.traces.address.clone(), &relays::RESOURCE);
        let wildcard = format!("@{}", domain_of(&address));
        let all = self
            .store
            .about(self.actor, resource, std::slice::from_ref(&wildcard))
            .await?;
        if !all.iter().any(|stored| accepts(&stored.row)) {
            let accepted = self.enabled(resource).is_some_and(|own| accepts(&own.row));
            if accepted {
                self.switch_off(resource);
            }
            return Ok(());
        }
        if self.actor.rights(resource, &address) != Rights::All {
            self.warn(format!(
                "The relay recipient `{wildcard}` goes on accepting `{address}`: relay recipients are kept by the operator."
            ));
            return Ok(());
        }
        self.put(
            resource,
            &[("recipient", &address), ("status", "REJECT"), ("enabled", "1")],
        )?;
        self.say(format!(
            "The relay recipient `{wildcard}` accepts every name: `{address}` becomes an exception to it."
        ));
        Ok(())
    }

    /// What takes mail for names without a row of their own, once the plan is carried out.
    async fn catch_all(&self) -> Result<Option<String>> {
        let wildcard = format!("@{}", domain_of(&self.traces.address));
        let own = std::slice::from_ref(&wildcard);
        for resource in [&aliases::RESOURCE, &users::RESOURCE] {
            let found = self.store.about(self.actor, resource, own).await?;
            let stays = |stored: &&Stored| stored.row.is_enabled() && !self.goes_off(resource, &stored.row);
            if found.iter().any(|stored| stays(&stored)) {
                return Ok(Some(format!("The catch-all `{wildcard}`")));
            }
        }
        if self.traces.is_backup
            && !self.traces.is_hosted
            && self.store.table(&relays::RESOURCE).await?.is_none()
        {
            return Ok(Some(
                "The backup MX entry, without a list of recipients,".to_owned(),
            ));
        }
        Ok(None)
    }

    fn goes_off(&self, of: &Resource, row: &Row) -> bool {
        self.plan.operations.iter().any(|operation| {
            matches!(operation, Operation::SetEnabled { resource, keys, enabled: false }
                if resource.table == of.table && keys.contains(&row.key))
        })
    }

    fn enabled(&self, resource: &Resource) -> Option<&Stored> {
        self.traces.of(resource).find(|stored| stored.row.is_enabled())
    }

    /// Has senders told where the person is.
    fn tell(&mut self, text: &RelocationText) -> Result<()> {
        let address = self.traces.address.clone();
        if text.as_str() == address {
            self.warn("The new address is the old one: senders are sent in a circle.");
        }
        self.put(
            &relocated::RESOURCE,
            &[("oldadr", &address), ("newadr", text.as_str()), ("enabled", "1")],
        )
    }

    /// Switches off what would refuse the address at the door.
    async fn open_the_door(&mut self) -> Result<()> {
        self.switch_off(&relocated::RESOURCE);
        self.switch_off(&access::RESOURCE);
        let wildcard = format!("@{}", domain_of(&self.traces.address));
        let all = self
            .store
            .about(self.actor, &relocated::RESOURCE, std::slice::from_ref(&wildcard))
            .await?;
        if all.iter().any(|stored| stored.row.is_enabled()) {
            self.warn(format!(
                "`{wildcard}` has moved according to Relocated: Postfix refuses every address of the domain with 550 User has \
                 moved, this one too."
            ));
        }
        Ok(())
    }

    /// Has a colleague get the mail.
    async fn forward(&mut self, colleague: &MailAddress) -> Result<()> {
        let (address, colleague) = (self.traces.address.clone(), colleague.as_str());
        if self.actor.scope.covers(&domain_of(colleague)) {
            let other = self.store.traces(self.actor, colleague).await?;
            let reached = [&users::RESOURCE, &aliases::RESOURCE, &relays::RESOURCE, PLACES[0]];
            let is_known = reached
                .iter()
                .any(|resource| other.of(resource).any(|stored| stored.row.is_enabled()));
            let caught = format!("@{}", domain_of(colleague));
            let all = self
                .store
                .about(self.actor, &aliases::RESOURCE, &[caught])
                .await?;
            if other.is_hosted && !is_known && !all.iter().any(|stored| stored.row.is_enabled()) {
                self.warn(format!(
                    "`{colleague}` is neither a mailbox nor an alias here: what is forwarded bounces."
                ));
            }
        }
        self.put(
            &aliases::RESOURCE,
            &[("mail", &address), ("destination", colleague), ("enabled", "1")],
        )
    }

    /// Takes the address out of the aliases that deliver to it, or tells what becomes of their mail.
    fn leave_lists(&mut self, left: &Left) -> Result<()> {
        let address = self.traces.address.clone();
        let lists = std::mem::take(&mut self.traces.lists);
        if left.remove_from_lists {
            let mut off = Vec::new();
            for list in &lists {
                off.extend(self.leave_list(list, &address, &left.then)?);
            }
            self.warn_of_off(&off, &address);
        } else {
            self.tell_of_lists(&lists, &address, &left.then);
        }
        if lists.len() >= LISTS - 1 {
            self.warn(format!(
                "No more than {LISTS} aliases are looked at: there may be others that deliver to `{address}`."
            ));
        }
        if self.actor.scope != Scope::Everything {
            self.say(format!(
                "Aliases of domains that are not yours are not seen here: they may go on delivering to `{address}`."
            ));
        }
        self.traces.lists = lists;
        Ok(())
    }

    fn tell_of_lists(&mut self, lists: &[Stored], address: &str, then: &Then) {
        let on = lists.iter().filter(|list| list.row.is_enabled());
        let names: Vec<String> = on.map(|list| list.row.subject(&aliases::RESOURCE)).collect();
        if names.is_empty() {
            return;
        }
        let (shown, is_one) = (some(&names), names.len() == 1);
        match then {
            Then::Forward(colleague) if names.iter().any(|name| name == colleague.as_str()) => {
                self.warn(format!(
                    "`{colleague}` delivers to `{address}`, which now delivers to `{colleague}`: Postfix takes no message that \
                     goes round in a circle, 451 Alias expansion error. Take the address out of the lists."
                ));
            }
            Then::Forward(_) => {
                let deliver = if is_one { "delivers" } else { "deliver" };
                self.say(format!(
                    "What {shown} {deliver} to `{address}` goes to the colleague."
                ));
            }
            Then::Refuse | Then::Tell(_) => {
                let go = if is_one { "goes" } else { "go" };
                self.warn(format!(
                    "{shown} {go} on delivering to `{address}`: whoever writes there gets a bounce for it."
                ));
            }
        }
    }

    /// Tells of aliases that are switched off.
    fn warn_of_off(&mut self, names: &[String], address: &str) {
        let (what, alone, whom) = match names {
            [] => return,
            [name] => (
                format!("`{name}` delivered to `{address}` alone and is"),
                String::new(),
                "it",
            ),
            names => (
                format!("{} aliases delivered to `{address}` alone and are", names.len()),
                format!(" They are {}.", some(names)),
                "them",
            ),
        };
        self.warn(format!(
            "{what} switched off: nobody gets what is sent there. Let {whom} deliver to somebody else first if that \
             is still needed.{alone}"
        ));
    }

    /// Takes the address out of one alias. One that delivers to nobody else goes to the colleague, or is switched off: then
    /// this is its name.
    fn leave_list(&mut self, list: &Stored, address: &str, then: &Then) -> Result<Option<String>> {
        let resource = &aliases::RESOURCE;
        let name = list.row.subject(resource);
        let items = items_of(list.row.text("destination"));
        let others: Vec<&str> = items
            .iter()
            .map(String::as_str)
            .filter(|item| *item != address)
            .collect();
        let destination = match then {
            _ if !others.is_empty() => others.join(","),
            // It reaches nobody, and was off before.
            _ if !list.row.is_enabled() => return Ok(None),
            Then::Forward(colleague) => colleague.to_string(),
            Then::Refuse | Then::Tell(_) => {
                return Ok(self.switch_row_off(resource, &list.row).then_some(name));
            }
        };
        if self.actor.rights(resource, &name) != Rights::All {
            self.warn(format!(
                "`{name}` goes on delivering to `{address}`: it is kept by the operator."
            ));
            return Ok(None);
        }
        let enabled = if list.row.is_enabled() { "1" } else { "0" };
        let fields = [
            ("mail", name.as_str()),
            ("destination", &destination),
            ("enabled", enabled),
        ];
        match self.store.draft(resource, &fields) {
            Ok(draft) => self.plan.operations.push(Operation::Update {
                resource,
                key: list.row.key.clone(),
                version: Some(list.image.version()),
                draft,
            }),
            Err(Error::Forbidden(why)) => {
                self.warn(format!("`{name}` goes on delivering to `{address}`. {why}"));
            }
            Err(other) => return Err(other),
        }
        Ok(None)
    }
}

/// Whether a relay recipient lets mail in.
fn accepts(row: &Row) -> bool {
    row.is_enabled() && (!row.has("status") || row.text("status").trim().eq_ignore_ascii_case("OK"))
}
