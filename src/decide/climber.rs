//! A candidate on its way up the ladder, with what was sent for it.

use crate::actions;
use crate::model::{Candidate, Outcome, OutcomeStatus, Server, Whereabouts, Whom};
use serde_json::Value as Json;

/// A candidate on its way up the ladder.
#[derive(Clone, Debug)]
pub struct Climber {
    /// As last seen before anything was sent for it.
    pub candidate: Candidate,
    /// As seen since the last rung, if it was, and the server at that moment.
    pub since: Option<(Candidate, Server)>,
    /// Whether it goes on.
    pub state: ClimberState,
    /// Every rung that was sent, in order.
    pub sent: Vec<Sent>,
    /// Where that was: what a look elsewhere shows says nothing of it.
    pub whom: Option<Whom>,
    /// Why it is neither looked after nor taken back any more: people are told instead.
    pub hands_off: Option<String>,
    /// Why the last look said nothing of it: where that was is not known. The next one may tell.
    pub unsure: Option<String>,
}

/// Whether a candidate goes on up the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClimberState {
    /// Its harm may still be there.
    Climbing,
    /// Its harm was seen to be gone.
    Settled,
    /// A guard, a person or an error ended its ladder.
    Stopped(String),
    /// Its turn never came.
    LeftOver,
}

/// One rung that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Index into the playbook's steps.
    pub step: usize,
    /// The action.
    pub action: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// The value before.
    pub before: Option<Json>,
    /// The value it set.
    pub after: Option<Json>,
    /// Whether verification found the harm gone; `None` while not known.
    pub helped: Option<bool>,
    /// What came of taking it back, if that was needed.
    pub reverted: Option<Outcome>,
}

impl Sent {
    /// Whether it may have had an effect: what was refused or gone was left as it was.
    #[must_use]
    pub fn touched(&self) -> bool {
        !matches!(self.outcome.status, OutcomeStatus::Refused | OutcomeStatus::Gone)
    }
}

impl Climber {
    /// A candidate at the foot of the ladder.
    #[must_use]
    pub fn new(candidate: Candidate) -> Climber {
        Climber {
            candidate,
            since: None,
            state: ClimberState::Climbing,
            sent: Vec::new(),
            whom: None,
            hands_off: None,
            unsure: None,
        }
    }

    /// The last rung that may have had an effect: what verification is about.
    #[must_use]
    pub fn last_touch(&self) -> Option<&Sent> {
        self.sent.iter().rfind(|sent| sent.touched())
    }

    /// Whether a look says anything of it. Takes its hands off if the look is one at another server or pooler. `None`
    /// in place of the candidate: the look did not show it.
    pub(super) fn compare(&mut self, server: &Server, seen: Option<&Candidate>) -> bool {
        let now = Whom::of(server, seen.unwrap_or(&self.candidate));
        let place = self.whom.as_ref().map_or(Whereabouts::Here, |whom| whom.compare(&now, seen.is_some()));
        self.unsure = None;
        match place {
            Whereabouts::Here => true,
            Whereabouts::Elsewhere(why) => {
                self.hands_off.get_or_insert(why);
                false
            }
            Whereabouts::Unsure(why) => {
                self.unsure = Some(why);
                false
            }
        }
    }

    /// Whether it is still to be seen if its harm is gone.
    pub(super) fn is_unverified(&self) -> bool {
        self.hands_off.is_none() && self.last_touch().is_some_and(|sent| sent.helped.is_none())
    }

    /// Why it was left alone, and how a person takes back what was changed.
    pub(super) fn left_alone(&self) -> Option<String> {
        let why = self.hands_off.as_ref()?;
        let sent = self.last_touch();
        let changed = sent.filter(|s| s.reverted.as_ref().is_none_or(|r| r.status != OutcomeStatus::Done));
        let by_hand = changed.and_then(|s| by_hand(s.action, &self.candidate, s.before.as_ref()?, self.whom.as_ref()));
        let by_hand = by_hand.map_or(String::new(), |how| format!(". {how}"));
        Some(format!("left alone: {why}{by_hand}"))
    }

    pub(super) fn last_touch_mut(&mut self) -> Option<&mut Sent> {
        self.sent.iter_mut().rfind(|sent| sent.touched())
    }
}

/// How a person takes back what an action changed.
pub(super) fn by_hand(action: &str, candidate: &Candidate, before: &Json, whom: Option<&Whom>) -> Option<String> {
    let command = actions::by_name(action)?.by_hand(candidate, before)?;
    let place = whom.and_then(|whom| whom.pooler.as_ref()).map_or(String::new(), |place| format!(" at {place}"));
    Some(format!("If it still holds, take it back by hand: {command}{place}"))
}
