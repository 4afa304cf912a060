//! The admission scan and its outcome: `Admitted`, or all the `Reason`s.
