//! What can be measured, by name.

use serde::{Deserialize, Serialize};

/// Declares the measures once: variant, name in tables and logs.
macro_rules! measures {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// What a [`Term`](crate::Term) measures: a value between 0 (nothing of it) and 1 (all of it).
        ///
        /// Sets and sequences of calls are those of the *strict* reading; [`NoInvalidTool`](Self::NoInvalidTool),
        /// [`HallucinatedTools`](Self::HallucinatedTools) and [`Redundancy`](Self::Redundancy) look at the lenient one, so that
        /// sloppy JSON cannot hide a call. A *valid* call names a tool the task offers. Measures of something unwanted
        /// (`redundancy`, `hallucinated_tools`) are meant for a negative weight.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Measure {
            $($(#[$doc])* $variant,)*
        }

        impl Measure {
            /// Every measure, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that tables, logs and reports use: an interface.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

measures! {
    /// 1 if the attempt was judged correct, as its task is judged ([`crate::Case::correct`]).
    Correct = "correct";
    /// 1 if the boxed answer equals the task's as mathematics, however the task is judged.
    CorrectAnswer = "correct_answer";
    /// 1 if the calls carried out are those of one of the task's plans, in any order.
    CorrectCalls = "correct_calls";
    /// 1 if the environment was left in the wanted state ([`crate::Case::state_correct`]); 0 if nobody judged that.
    CorrectState = "correct_state";
    /// 1 if the attempt ended of its own accord.
    Ended = "ended";
    /// 1 if the final turn boxes an answer that is not blank.
    Boxed = "boxed";
    /// 1 if the student called the same set of tools as the teacher, and called any.
    ToolSetEqual = "tool_set_equal";
    /// 1 if the student called at least one of the teacher's tools.
    ToolSetOverlap = "tool_set_overlap";
    /// F1 of the student's set of tools against the teacher's: `2·|S ∩ T| / (|S| + |T|)`.
    ToolSetF1 = "tool_set_f1";
    /// 1 − the Jensen–Shannon divergence, base 2, of the two distributions of calls over tools; an attempt without a call
    /// has all its mass on "no call".
    ToolDistribution = "tool_distribution";
    /// 1 if the student made the same calls in the same order, names and arguments, and made any.
    CallSequenceEqual = "call_sequence_equal";
    /// `2·LCS(names) / (calls of student + calls of teacher)`, over the valid calls of both.
    Order = "order";
    /// `2·Σ similarity / (calls of student + calls of teacher)` over the alignment of valid calls with the highest sum.
    ///
    /// Calls of different tools do not pair; two of one tool are similar by half for the name and half for the share of
    /// arguments that agree.
    Alignment = "alignment";
    /// Over the pairs of the same longest common subsequence, the sum of the shares of the teacher's arguments given with an
    /// equal value, divided by the larger number of valid calls. Of several longest common subsequences it is the one that
    /// agrees most.
    Arguments = "arguments";
    /// The same with F1 of the *names* of the arguments as a pair's agreement.
    ArgumentNames = "argument_names";
    /// The same with, of the teacher's arguments that the student gave at all, the share given with an equal value.
    ArgumentValues = "argument_values";
    /// Calls of the teacher over those of the student, at most 1; 0 for a student without a call, unless the teacher made
    /// none either. Every call counts, readable or not.
    Efficiency = "efficiency";
    /// The share of calls that repeat an earlier one, name and arguments.
    Redundancy = "redundancy";
    /// The share of all calls that were carried out without an error; 0 without a call.
    ExecutionSuccess = "execution_success";
    /// 1 if no call of the lenient reading names a tool that the task does not offer.
    NoInvalidTool = "no_invalid_tool";
    /// The share of calls of the lenient reading that name such a tool; 0 without a call.
    HallucinatedTools = "hallucinated_tools";
    /// How well the calls keep to their format: the mean of 1 for a strict call, 0.5 for a repaired one, 0 for any other; 1
    /// without a call.
    Format = "format";
    /// 1 up to `free` characters written by the student, falling in a line to 0 at `limit` characters.
    Length = "length";
    /// The share of turns that hold a reasoning block with words in it; 0 without a turn.
    Thinking = "thinking";
    /// The geometric mean of the probabilities that the teacher gives the student's tokens
    /// ([`crate::Case::teacher_logprobs`]); 0 if none are stored.
    TeacherLikelihood = "teacher_likelihood";
    /// `ToolRL`'s format: words first, then calls that each stand between markers on lines of their own and are answered, and
    /// a last turn without a call.
    ToolrlFormat = "toolrl_format";
    /// `ToolRL`'s match with the teacher's calls: names, names of parameters and their values, over the best there could be.
    ToolrlMatch = "toolrl_match";
    /// 1 always: a term with it shifts the total.
    Constant = "constant";
}

impl Measure {
    /// Whether it compares the student's attempt with a teacher's, so that it matters which.
    pub fn compares(self) -> bool {
        !matches!(
            self,
            Self::Correct
                | Self::CorrectAnswer
                | Self::CorrectCalls
                | Self::CorrectState
                | Self::Ended
                | Self::Boxed
                | Self::Redundancy
                | Self::ExecutionSuccess
                | Self::NoInvalidTool
                | Self::HallucinatedTools
                | Self::Format
                | Self::Length
                | Self::Thinking
                | Self::TeacherLikelihood
                | Self::ToolrlFormat
                | Self::Constant
        )
    }

    /// Whether the options `tolerance` and `strings` mean something to it.
    pub fn compares_arguments(self) -> bool {
        matches!(self, Self::Arguments | Self::ArgumentValues | Self::Alignment)
    }
}
