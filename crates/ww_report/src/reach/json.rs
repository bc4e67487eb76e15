//! Answers as JSON.

use crate::Sources;
use crate::json::{GapEntry, Place, SCHEMA_VERSION, Tool, document};
use serde::ser::{Serialize, SerializeMap, Serializer};
use ww_base::Gap;
use ww_reach::answer::{Answer, Change, Group, Matrix, Shadowed, Step, Traffic};

/// What every document begins with.
#[derive(serde::Serialize)]
struct Head {
    schema_version: u32,
    tool: Tool,
}

impl Head {
    const THIS: Head = Head {
        schema_version: SCHEMA_VERSION,
        tool: Tool::THIS,
    };
}

/// A box: every field with its values, as a list.
struct Fields<'a>(&'a Traffic);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.fields.len()))?;
        for (field, values) in &self.0.fields {
            map.serialize_entry(field, values)?;
        }
        map.end()
    }
}

/// A packet: every field with its only value.
struct Packet<'a>(&'a Traffic);

impl Serialize for Packet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.fields.len()))?;
        for (field, values) in &self.0.fields {
            let value = values.first().map_or("", String::as_str);
            match value.parse::<u64>() {
                Ok(number) => map.serialize_entry(field, &number)?,
                Err(_) => map.serialize_entry(field, value)?,
            }
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct StepEntry<'a> {
    at: Place<'a>,
    says: &'a str,
}

impl<'a> StepEntry<'a> {
    fn new(step: &'a Step, sources: &Sources<'a>) -> StepEntry<'a> {
        StepEntry {
            at: Place::new(&step.at, sources),
            says: &step.says,
        }
    }
}

fn steps<'a>(steps: &'a [Step], sources: &Sources<'a>) -> Vec<StepEntry<'a>> {
    let entry = |step| StepEntry::new(step, sources);
    steps.iter().map(entry).collect()
}

fn gap_entries(gaps: &[Gap]) -> Vec<GapEntry<'_>> {
    gaps.iter().map(GapEntry::new).collect()
}

fn boxes(boxes: &[Traffic]) -> Vec<Fields<'_>> {
    boxes.iter().map(Fields).collect()
}

#[derive(serde::Serialize)]
struct AnswerEntry<'a> {
    #[serde(flatten)]
    head: Head,
    verdict: &'static str,
    allowed: Vec<Fields<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unanswered: Vec<Fields<'a>>,
    witness: Option<Packet<'a>>,
    steps: Vec<StepEntry<'a>>,
    gaps: Vec<GapEntry<'a>>,
}

/// The answer to `can`.
///
/// # Errors
/// When a value cannot be serialised, which no value of these types can cause.
pub fn answer(answer: &Answer, sources: &Sources<'_>) -> serde_json::Result<String> {
    document(&AnswerEntry {
        head: Head::THIS,
        verdict: answer.verdict.word(),
        allowed: boxes(&answer.allowed),
        unanswered: boxes(&answer.unanswered),
        witness: answer.witness.as_ref().map(Packet),
        steps: steps(&answer.steps, sources),
        gaps: gap_entries(&answer.gaps),
    })
}

#[derive(serde::Serialize)]
struct WhoEntry<'a> {
    #[serde(flatten)]
    head: Head,
    sources: Vec<GroupEntry<'a>>,
    gaps: Vec<GapEntry<'a>>,
}

#[derive(serde::Serialize)]
struct GroupEntry<'a> {
    members: &'a [String],
    allowed: Vec<Fields<'a>>,
    steps: Vec<StepEntry<'a>>,
}

/// The answer to `who`, and what it does not know.
///
/// # Errors
/// As [`answer`].
pub fn who(groups: &[Group], gaps: &[Gap], sources: &Sources<'_>) -> serde_json::Result<String> {
    let entries = groups.iter().map(|group| GroupEntry {
        members: &group.members,
        allowed: boxes(&group.allowed),
        steps: steps(&group.steps, sources),
    });
    document(&WhoEntry {
        head: Head::THIS,
        sources: entries.collect(),
        gaps: gap_entries(gaps),
    })
}

#[derive(serde::Serialize)]
struct DiffEntry<'a> {
    #[serde(flatten)]
    head: Head,
    opened: Vec<ChangeEntry<'a>>,
    closed: Vec<ChangeEntry<'a>>,
    gaps: Vec<GapEntry<'a>>,
}

#[derive(serde::Serialize)]
struct ChangeEntry<'a> {
    flow: Fields<'a>,
    witness: Option<Packet<'a>>,
    before: Vec<StepEntry<'a>>,
    after: Vec<StepEntry<'a>>,
}

/// What a change opens and closes, and what is not known of it.
///
/// # Errors
/// As [`answer`].
pub fn diff(changes: &[Change], gaps: &[Gap], sources: &Sources<'_>) -> serde_json::Result<String> {
    let entries = |opened: bool| {
        let those = changes.iter().filter(move |change| change.opened == opened);
        those
            .map(|change| ChangeEntry {
                flow: Fields(&change.flow),
                witness: change.witness.as_ref().map(Packet),
                before: steps(&change.before, sources),
                after: steps(&change.after, sources),
            })
            .collect()
    };
    document(&DiffEntry {
        head: Head::THIS,
        opened: entries(true),
        closed: entries(false),
        gaps: gap_entries(gaps),
    })
}

#[derive(serde::Serialize)]
struct MatrixEntry<'a> {
    #[serde(flatten)]
    head: Head,
    groups: &'a [Vec<String>],
    edges: Vec<EdgeEntry<'a>>,
    gaps: Vec<GapEntry<'a>>,
}

#[derive(serde::Serialize)]
struct EdgeEntry<'a> {
    from: usize,
    to: usize,
    with: &'a str,
}

/// Groups that behave alike and the edges between them, as indices into `groups`; and what is not
/// known of them.
///
/// # Errors
/// As [`answer`].
pub fn matrix(matrix: &Matrix, gaps: &[Gap]) -> serde_json::Result<String> {
    let edges = matrix.edges.iter().map(|edge| EdgeEntry {
        from: edge.from,
        to: edge.to,
        with: &edge.with,
    });
    document(&MatrixEntry {
        head: Head::THIS,
        groups: &matrix.groups,
        edges: edges.collect(),
        gaps: gap_entries(gaps),
    })
}

#[derive(serde::Serialize)]
struct ShadowedEntry<'a> {
    #[serde(flatten)]
    head: Head,
    rules: Vec<IdleEntry<'a>>,
    gaps: Vec<GapEntry<'a>>,
}

#[derive(serde::Serialize)]
struct IdleEntry<'a> {
    rule: StepEntry<'a>,
    covered_by: Vec<StepEntry<'a>>,
}

/// Rules that never decide, and who decides in their place; and what is not known.
///
/// # Errors
/// As [`answer`].
pub fn shadowed(
    rules: &[Shadowed],
    gaps: &[Gap],
    sources: &Sources<'_>,
) -> serde_json::Result<String> {
    let entries = rules.iter().map(|one| IdleEntry {
        rule: StepEntry::new(&one.rule, sources),
        covered_by: steps(&one.covered_by, sources),
    });
    document(&ShadowedEntry {
        head: Head::THIS,
        rules: entries.collect(),
        gaps: gap_entries(gaps),
    })
}

#[derive(serde::Serialize)]
struct EquivalentEntry<'a> {
    #[serde(flatten)]
    head: Head,
    equivalent: bool,
    witness: Option<Packet<'a>>,
    first: Vec<StepEntry<'a>>,
    second: Vec<StepEntry<'a>>,
    gaps: Vec<GapEntry<'a>>,
}

/// Whether two states are equivalent, or a packet that tells them apart; and what is not known.
///
/// # Errors
/// As [`answer`].
pub fn equivalent(
    change: Option<&Change>,
    gaps: &[Gap],
    sources: &Sources<'_>,
) -> serde_json::Result<String> {
    let decided = |of: fn(&Change) -> &Vec<Step>| {
        change.map_or(Vec::new(), |change| steps(of(change), sources))
    };
    document(&EquivalentEntry {
        head: Head::THIS,
        equivalent: change.is_none(),
        witness: change.map(|change| Packet(&change.flow)),
        first: decided(|change| &change.before),
        second: decided(|change| &change.after),
        gaps: gap_entries(gaps),
    })
}
