//! One run as a value: where it stands, what may happen to it, and what it wants done.

pub use super::climber::{Climber, ClimberState, Sent};
use super::intent::Bounds;
pub use super::orphan::{Orphan, Recall, ResumeStage, Resuming};
use crate::actions::Deed;
use crate::config::Policy;
use crate::model::history::Told;
use crate::model::record::{Draft, PlaybookRef, Trigger};
use crate::model::time::since;
use crate::model::{
    Candidate, Duration, Facts, GuardReport, History, Labels, Mode, Outcome, Server, Timestamp, Verdict,
};
use crate::playbook::{ActStep, Playbook, Step};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One evaluation of one playbook on one target for one trigger.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it was begun with; never changes.
    pub brief: Arc<Brief>,
    /// Where it stands.
    pub phase: Phase,
    /// Candidates that it acts on, in order.
    pub climbers: Vec<Climber>,
    /// Nothing new is begun after this moment.
    pub ends: Ends,
    /// Why candidates were left over, if any were.
    pub left: Option<String>,
    /// `seq` of the newest record of this run that is known to be durable.
    pub appended: u64,
    /// What people were last told of this playbook here, by incident.
    pub told: BTreeMap<String, Told>,
    /// Told to stop, and why.
    pub stopping: Option<String>,
    /// The run's own verdict, once planned.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Candidates that wait for a person.
    pub held: u32,
    /// It left records of its own, and is not only counted.
    pub recorded: bool,
    /// A crash cut it off, and it goes on from what the log holds.
    pub resumed: bool,
    /// [`Event::elapsed`] of the last event.
    pub elapsed: Duration,
    /// [`Event::elapsed`] when the target was last asked.
    pub asked: Duration,
}

/// What a run is begun with.
#[derive(Clone, Debug)]
pub struct Brief {
    /// ULID.
    pub id: String,
    /// Target name.
    pub target: String,
    /// Its labels.
    pub labels: Labels,
    /// The playbook as it was when the run began; a reload does not change it.
    pub playbook: Arc<Playbook>,
    /// What holds on the target.
    pub policy: Arc<Policy>,
    /// What asked for it.
    pub trigger: Trigger,
    /// Who asked.
    pub actor: String,
    /// The mode that whoever asked lowered it to.
    pub lowered: Option<Mode>,
    /// When it began.
    pub started: Timestamp,
    /// Channels that hear of it.
    pub notify: Vec<String>,
}

impl Brief {
    /// Name and digest of the playbook.
    #[must_use]
    pub fn playbook_ref(&self) -> PlaybookRef {
        PlaybookRef { name: self.playbook.name.clone(), digest: self.playbook.digest.clone() }
    }

    /// The budgets that its intents must not exceed.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            limits: self.policy.limits.clone(),
            per_run: self.playbook.guard.per_run,
            cooldown: self.playbook.guard.cooldown,
        }
    }
}

/// Where a run stands.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Not begun.
    New,
    /// The finder is asked.
    Finding,
    /// The plan is being recorded.
    RecordingPlan(Box<Memory>),
    /// A candidate is looked at again before a rung.
    Looking(Spot),
    /// An intent is being recorded.
    RecordingIntent(Spot, Box<Prepared>),
    /// The statement was sent.
    Acting(Spot, Box<Prepared>),
    /// An outcome, or why a candidate was passed over, is being recorded.
    Recording(Spot, Unwritten),
    /// Between two rungs.
    Resting(usize),
    /// The acted candidates are looked at.
    Verifying(Verify),
    /// A change is being taken back.
    Reverting(Box<Revert>),
    /// What a crash left without an end is being looked up.
    Resuming(Box<Resuming>),
    /// The end is being recorded.
    Closing(Unwritten),
    /// Over.
    Ended,
}

/// When nothing new may begin any more, and what ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Moment.
    pub at: Timestamp,
    /// In words that begin with the guard's name.
    pub why: String,
}

/// Records that must not be lost: they are appended again and again.
#[derive(Clone, Debug)]
pub struct Unwritten {
    /// The records.
    pub drafts: Vec<Draft>,
    /// A rest before the next try, not a try.
    pub resting: bool,
}

/// What the next run of the playbook compares its decisions with, once these are durable.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Digests by candidate key; `""` for the run itself.
    pub seen: BTreeMap<String, String>,
    /// How many decisions were only counted.
    pub quiet: u32,
}

/// A place on the ladder: which step, which climber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Index into the playbook's steps.
    pub step: usize,
    /// Index into the run's climbers.
    pub climber: usize,
}

/// A deed ready to be sent, with what its outcome is judged by.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The statement.
    pub deed: Deed,
    /// The server as it was seen just before.
    pub server: Server,
    /// The candidate as it was seen just before.
    pub candidate: Candidate,
    /// When that was.
    pub looked_at: Timestamp,
    /// The intent, for its outcome to follow.
    pub intent: Draft,
    /// What is left of the run's time.
    pub time_left: Duration,
}

/// Looking whether it helped.
#[derive(Clone, Debug)]
pub struct Verify {
    /// Who is being looked at.
    pub climber: usize,
    /// Given up after; a moment of [`Event::elapsed`].
    pub until: Duration,
    /// How long the next rest is.
    pub rest: Duration,
    /// A rest between two rounds, not a look.
    pub resting: bool,
}

/// Taking one change back.
#[derive(Clone, Debug)]
pub struct Revert {
    /// Whose.
    pub climber: usize,
    /// How far it is.
    pub stage: RevertStage,
    /// When verification was given up, to return to it.
    pub verify: Verify,
}

/// How far a revert is.
#[derive(Clone, Debug)]
pub enum RevertStage {
    /// Its intent is being recorded.
    Intent(Box<Prepared>),
    /// The statement was sent.
    Acting(Box<Prepared>),
    /// What came of it is being recorded.
    Recording(Unwritten),
}

/// Something that happened to a run, and when.
#[derive(Clone, Debug)]
pub struct Event {
    /// By the wall clock.
    pub at: Timestamp,
    /// Since some moment of this process, by a clock that nobody sets: waits are measured by it.
    pub elapsed: Duration,
    /// What.
    pub what: What,
}

/// What may happen to a run.
#[derive(Clone, Debug)]
pub enum What {
    /// Its turn has come.
    Begin,
    /// The finder, or a second look, answered.
    Looked(Box<Look>),
    /// The target could not be looked at.
    Blind {
        /// Why.
        reason: String,
        /// As in [`Look::seen`].
        seen: BTreeMap<String, String>,
    },
    /// The records are durable.
    Appended(Vec<u64>),
    /// The log's writer forbade the intent.
    Forbidden(GuardReport),
    /// The log cannot be written.
    Unwritable(String),
    /// A statement ended.
    Acted(Outcome),
    /// A rest is over.
    Rested,
    /// No new action may begin.
    Stop(String),
}

/// What was seen in one look, with the history that belongs to it.
#[derive(Clone, Debug)]
pub struct Look {
    /// What was seen; on a second look only the one candidate, if it is still there.
    pub facts: Facts,
    /// The folded log at that moment.
    pub history: Arc<History>,
    /// The digests of this playbook's last decisions here, by candidate key; `""` for the run itself.
    pub seen: BTreeMap<String, String>,
}

/// What a run wants done. Each is answered by one event, but for the last two.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Ask the finder.
    Find,
    /// Ask the finder about one candidate again.
    Look(Box<Candidate>),
    /// Make these records durable, all or none.
    Append(Vec<Entry>),
    /// Send a statement and see it through.
    Act(Box<Errand>),
    /// Send nothing: look what became of a statement that was announced before a crash.
    Recall(Box<Recall>),
    /// Let time pass.
    Rest(Duration),
    /// Count what concluded nothing new; `seen` replaces the memory of this playbook's decisions.
    Remember {
        /// By candidate key; `""` for the run itself.
        seen: BTreeMap<String, String>,
        /// How many decisions were only counted.
        quiet: u32,
    },
    /// Over.
    End(End),
}

/// A record to append.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Any but an intent.
    Plain(Box<Draft>),
    /// An intent, which the log's writer may refuse.
    Intent(Box<Draft>, Bounds),
}

/// A statement to be sent.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The action, to judge what came of it.
    pub action: &'static str,
    /// The rung's arguments.
    pub step: ActStep,
    /// The deed and what it is judged by.
    pub prepared: Prepared,
    /// The value before, when the deed takes a change back.
    pub undo: Option<Json>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The run as a whole.
    pub verdict: Verdict,
    /// In words.
    pub summary: String,
    /// Candidates acted on.
    pub acted: u32,
    /// Candidates whose harm was seen to be gone.
    pub helped: u32,
    /// Candidates with an action that failed, timed out, ended unknown or did not help.
    pub failed: u32,
    /// Candidates that wait for a person.
    pub held: u32,
}

impl Run {
    /// A run that has not begun.
    #[must_use]
    pub fn new(brief: Brief) -> Run {
        Run {
            ends: Ends { at: Timestamp::MAX, why: String::new() },
            left: None,
            appended: 0,
            told: BTreeMap::new(),
            brief: Arc::new(brief),
            phase: Phase::New,
            climbers: Vec::new(),
            stopping: None,
            verdict: Verdict::Quiet,
            reason: String::new(),
            held: 0,
            recorded: false,
            resumed: false,
            elapsed: Duration::ZERO,
            asked: Duration::ZERO,
        }
    }

    /// The action step at an index, if it is one.
    #[must_use]
    pub fn rung(&self, step: usize) -> Option<&ActStep> {
        match self.brief.playbook.steps.get(step) {
            Some(Step::Act(act)) => Some(act),
            _ => None,
        }
    }

    /// How old a look is. A clock that was set back does not make it young.
    #[must_use]
    pub fn age(&self, looked_at: Timestamp, at: Timestamp) -> Duration {
        let by_the_wall = since(at, looked_at).max(since(looked_at, at));
        by_the_wall.max(self.elapsed.saturating_sub(self.asked))
    }

    /// Candidates on which anything may have had an effect.
    pub fn acted(&self) -> impl Iterator<Item = &Climber> {
        self.climbers.iter().filter(|c| c.last_touch().is_some())
    }

    /// What it is doing, in a few words for `pgmedic status`.
    #[must_use]
    pub fn doing(&self) -> String {
        let about = |i: usize| self.climbers.get(i).map_or_else(String::new, |c| c.candidate.title());
        match &self.phase {
            Phase::New => "about to begin".to_owned(),
            Phase::Finding => "looking".to_owned(),
            Phase::RecordingPlan(_) | Phase::Recording(..) | Phase::Closing(_) => "recording".to_owned(),
            Phase::Looking(spot) => format!("looking again at {}", about(spot.climber)),
            Phase::RecordingIntent(spot, _) | Phase::Acting(spot, _) => {
                let action = self.rung(spot.step).map_or("", |r| r.action.name);
                format!("{action} on {}", about(spot.climber))
            }
            Phase::Resting(_) => "waiting before the next step".to_owned(),
            Phase::Verifying(v) => format!("checking whether it helped: {}", about(v.climber)),
            Phase::Reverting(r) => format!("taking back what did not help: {}", about(r.climber)),
            Phase::Resuming(_) => "looking up what a crash left without an end".to_owned(),
            Phase::Ended => "ended".to_owned(),
        }
    }
}
