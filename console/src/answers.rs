//! What the scan's verdict looks like as JSON: the one type behind the upload's answer and
//! `lattice scan --json`, so that the two never differ.
//!
//! Owns the shape. Never decides, and never holds more than the scan alone can know.

use lattice_policies::{
    Sha256,
    admission::{Admitted, Reason, Rejection},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The verdict on one module: admitted with its imports, or refused with every reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AdmissionAnswer {
    pub admitted: bool,
    /// Whether matches may start from it; a fresh build that was admitted may.
    pub schedulable: bool,
    /// The host functions it imports, in order of appearance; only where admitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imports: Option<Vec<String>>,
    /// What it does that no snapshot holds (`data.drop`, a changed table, ...): its matches come back
    /// by their logs from the first tick, and can't be forked or upgraded. Only where there is any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replay_only: Vec<String>,
    /// The first hundred reasons against it; only where refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub reasons: Option<Vec<Reason>>,
    /// How many reasons there are, those not listed included; only where refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons_total: Option<usize>,
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Of the module, in bytes.
    pub size: usize,
}

impl From<&Admitted> for AdmissionAnswer {
    fn from(admitted: &Admitted) -> Self {
        Self {
            admitted: true,
            schedulable: true,
            imports: Some(admitted.imports().to_vec()),
            replay_only: admitted.facts().replay_only.iter().map(ToString::to_string).collect(),
            reasons: None,
            reasons_total: None,
            sha256: admitted.sha256(),
            size: admitted.bytes().len(),
        }
    }
}

impl From<&Rejection> for AdmissionAnswer {
    fn from(rejection: &Rejection) -> Self {
        Self {
            admitted: false,
            schedulable: false,
            imports: None,
            replay_only: Vec::new(),
            reasons: Some(rejection.reasons.clone()),
            reasons_total: Some(rejection.total),
            sha256: rejection.sha256,
            size: rejection.size,
        }
    }
}
