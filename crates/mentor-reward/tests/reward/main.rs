//! Rewards from outside: what a case is paid, why, and where it goes.

mod common;
mod compose;
mod credit;
mod deviations;
mod hostile;
mod measures;
mod oracle;
mod parts;
mod properties;
mod response;
mod toolrl;
mod tree;
mod wire;
