"""What the reference software found after fits to ordered items, as arrays by group."""

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np

import measure
from measure.consistency.answer_sums import Answers
from measure.errors import ListwiseWarning
from measure.scoring.factor_posterior import Joint
from tests.reference_cases import case, cases, data, matrix

ORDINAL = [content["id"] for content in cases("ordinal_after")]


@dataclass(frozen=True, eq=False)
class Group:
    """One group of a case: the matrices that were estimated, and what was computed from them."""

    joint: Joint
    answers: Answers
    common: dict[str, np.ndarray]
    scaled: np.ndarray
    found: dict


@cache
def groups(name):
    """Give the groups of a case."""
    return [_group(found) for found in case(name)["results"]["groups"]]


def _group(found):
    own = found["matrices"]
    loadings, theta, psi = (matrix(own[key]).to_numpy() for key in ("lambda", "theta", "psi"))
    nu, alpha, tau = (np.array(own[key], dtype=float) for key in ("nu", "alpha", "tau"))
    owner = np.array(own["owner"])
    mu, sigma = nu + loadings @ alpha, loadings @ psi @ loadings.T + theta
    factors = own["psi"]["rows"]
    joint = Joint(own["lambda"]["rows"], factors, mu, sigma, alpha, psi, loadings @ psi, tau, owner)
    ordered = np.isin(np.arange(len(mu)), owner)
    sd = np.where(ordered, np.sqrt(np.diag(sigma)), 1.0)
    answers = Answers((tau - mu[owner]) / sd[owner], owner, np.ones(len(owner)), len(mu))
    standard = loadings / sd[:, None]
    common = {
        name: np.outer(standard[:, f], standard[:, f]) * psi[f, f] for f, name in enumerate(factors)
    }
    return Group(joint, answers, common, sigma / np.outer(sd, sd), found)


def category_numbers(group):
    """Give the answers that were scored, of ordered items as category numbers from 0."""
    values = matrix(group.found["scores"]["answers"]).to_numpy().copy()
    values[:, np.unique(group.joint.items)] -= 1
    return values


@cache
def fitted(name):
    """Fit the model of a case."""
    content = case(name)
    options = {k: v for k, v in content["options"].items() if k not in ("function", "input")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ListwiseWarning)
        return measure.cfa(content["model"], data(content["data"]), **options)
