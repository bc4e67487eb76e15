//! From what an endpoint answered to what may cause it, and to the question that tells most for its cost.
//!
//! A [`Symptom`] is something that does not work, as it shows itself: a SYN without an answer, an alert, a status.
//! A [`Control`] is another question of the same kind whose answer tells causes apart, and its [`Reading`] has three
//! values: it works, it works poorly, it fails. The table ([`entry`]) says of every symptom which causes it may have
//! and which readings each of them allows. [`answer`] crosses out what the readings do not allow, and [`choose`] takes
//! the controls that cross out most for what they cost: both from the same table, so that what is asked is what
//! decides.
//!
//! All of it is a function of what was observed: [`cases`] finds symptoms and readings among the steps of a walk, while
//! it goes on or when it is judged again.

mod answer;
mod control;
mod observe;
mod plan;
mod symptom;
mod table;

pub use answer::{Answer, Confidence, answer};
pub use control::{Admits, Control, Reading, Readings};
pub use observe::{Case, cases};
pub use plan::{Budget, Choice, Offer, PACE, choose};
pub use symptom::Symptom;
pub use table::{Cause, Entry, Kind, Sender, entry};
