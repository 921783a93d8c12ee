# Copyright: Contributors to the mft.aws project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.conditions import Evaluation
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.conditions import additions
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.conditions import rule_problems
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.errors import InvalidOptionsError
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.template import capability_problems
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.template import parameter_problems
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.template import parameter_value
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.template import read_template
from ansible_collections.mft.aws.plugins.module_utils._cloudformation.template import tag_problems

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Delay: {Type: Number, Default: 10, MinValue: 0, MaxValue: 900}
  Zone: {Type: "AWS::EC2::AvailabilityZone::Name"}
  Range: {Type: String, Default: "", AllowedPattern: '^([\\d.]+/\\d+)?$', ConstraintDescription: must be a range.}
  Mode: {Type: String, Default: mirror, AllowedValues: [mirror, keep]}
  Days: {Type: Number, Default: 30, AllowedValues: [30, 60]}
  Secret: {Type: String, Default: abc, NoEcho: true, MinLength: 3}
  Tables: {Type: CommaDelimitedList, Default: "", AllowedPattern: "rtb-[0-9a-f]+"}
Mappings:
  Waits: {"10": {Seconds: 60}}
Conditions:
  HasRange: !Not [!Equals [!Ref Range, ""]]
  Keeps: !And [!Condition HasRange, !Equals [!Ref Mode, keep]]
  Either: !Or [!Condition Keeps, !Equals [!FindInMap [Waits, !Ref Delay, Seconds], "60"]]
  Unknown: !Equals [!Ref "AWS::Region", eu-central-1]
  NoTables: !Equals [!Join ["", !Ref Tables], ""]
  Joined: !Equals [!Join ["-", [!Ref Mode, x]], keep-x]
  Half: !And [!Condition Unknown, !Condition HasRange]
Rules:
  RangeNeedsKeep:
    RuleCondition: !Not [!Equals [!Ref Range, ""]]
    Assertions:
      - Assert: !Contains [[keep, trash], !Ref Mode]
        AssertDescription: A range needs Mode keep.
  Elsewhere:
    Assertions: [{Assert: !Equals [!Ref "AWS::Region", x], AssertDescription: never said}]
Resources:
  Always: {Type: "AWS::SQS::Queue", Properties: {Arn: !GetAtt Other.Arn, Name: !Sub "${Delay}x"}}
  Ranged: {Type: "AWS::SNS::Topic", Condition: HasRange}
  Perhaps: {Type: "AWS::SNS::Topic", Condition: Unknown}
"""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return read_template(TEMPLATE)


def test_short_forms_are_read_as_cloudformation_means_them(template: dict[str, Any]) -> None:
    assert template["Resources"]["Always"]["Properties"] == {
        "Arn": {"Fn::GetAtt": ["Other", "Arn"]},
        "Name": {"Fn::Sub": "${Delay}x"},
    }
    assert template["Conditions"]["Keeps"]["Fn::And"][0] == {"Condition": "HasRange"}
    # A date is no date but a version.
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"
    assert read_template('{"Resources": {}}') == {"Resources": {}}


@pytest.mark.parametrize("text", ["a: [", "just words", "{", "{}", "Resources: 3"])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(InvalidOptionsError):
        read_template(text)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Delay": "901"}, "Delay is '901': it must be 900 or less."),
        ({"Delay": "-1"}, "Delay is '-1': it must be 0 or more."),
        ({"Delay": "soon"}, "Delay is 'soon': it must be a number."),
        ({"Mode": "trash"}, "Mode is 'trash': it must be one of mirror, keep."),
        ({"Days": "31"}, "Days is '31': it must be one of 30, 60."),
        ({"Range": "any"}, "Range is 'any': it must be a range."),
        ({"Secret": "x"}, "Secret is (not shown): it must have 3 characters or more."),
        ({"Tables": "rtb-1,subnet-2"}, "Tables is 'rtb-1,subnet-2': it must match rtb-[0-9a-f]+."),
        ({"Nope": "1"}, "Nope is no parameter of the template. Those it has: Days, Delay, Mode, Range, Secret, Tables"),
    ],
)
def test_each_rule_of_a_parameter_is_told(template: dict[str, Any], given: dict[str, str], said: str) -> None:
    [problem] = parameter_problems(template, {"Zone": "a", **given})
    assert problem.startswith(said)


def test_right_parameters_are_no_problem(template: dict[str, Any]) -> None:
    right = {"Zone": "a", "Delay": "900", "Range": "10.0.0.0/8", "Tables": "rtb-1, rtb-2f", "Secret": "long enough"}
    assert parameter_problems(template, right) == []
    assert parameter_problems(template, {}) == ["Zone is not given, and the template has no default for it."]


@pytest.mark.parametrize("value", ["300.1.1.0/24", "10.0.0.0/33", "10.1.2.3/24"])
def test_an_address_range_that_ec2_would_refuse_is_refused_here(value: str) -> None:
    declared = {"Parameters": {"VpcCidr": {"Type": "String", "AllowedPattern": r"[\d./]+"}}}
    [problem] = parameter_problems(declared, {"VpcCidr": value})
    assert f"VpcCidr is '{value}'" in problem
    assert value != "10.1.2.3/24" or "Write 10.1.2.0/24" in problem


def test_conditions_are_never_guessed(template: dict[str, Any]) -> None:
    plain, ranged = (
        Evaluation(template, {}),
        Evaluation(template, {"Range": "10.0.0.0/8", "Mode": "keep", "Delay": "1"}),
    )
    names = ("HasRange", "Keeps", "Either", "Unknown", "Half", "NoSuch", "NoTables", "Joined")
    assert [plain.condition(name) for name in names] == [False, False, True, None, False, None, True, False]
    assert [ranged.condition(name) for name in names] == [True, True, True, None, None, None, True, True]
    assert Evaluation(template, {"Tables": "rtb-1, rtb-2"}).condition("NoTables") is False


def test_rules_speak_the_templates_own_words(template: dict[str, Any]) -> None:
    assert rule_problems(template, {}) == []
    assert rule_problems(template, {"Range": "10.0.0.0/8"}) == ["A range needs Mode keep."]
    assert rule_problems(template, {"Range": "10.0.0.0/8", "Mode": "keep"}) == []


def test_additions_follow_the_conditions(template: dict[str, Any]) -> None:
    found = {change["logical_id"]: change["action"] for change in additions(template, {})}
    assert found == {"Always": "add", "Perhaps": "add?"}
    assert len(additions(template, {"Range": "10.0.0.0/8"})) == 3


def test_capabilities_that_are_missing_are_named() -> None:
    role = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {}}}}
    named = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "acme"}}}, "Transform": "x"}
    assert "Add CAPABILITY_IAM." in capability_problems(role, [])[0]
    assert capability_problems(role, ["CAPABILITY_NAMED_IAM"]) == []
    assert len(capability_problems(named, ["CAPABILITY_IAM"])) == 2
    assert capability_problems(named, ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]) == []


def test_tags_and_values() -> None:
    assert tag_problems({"team": "payments"}) == []
    assert len(tag_problems({"aws:team": "x", "k" * 129: "x", "empty": "", "long": "v" * 257})) == 4
    assert "50 at most" in tag_problems({f"k{n}": "v" for n in range(51)})[0]
    assert [parameter_value(value) for value in (True, 7, ["a", 1], "x")] == ["true", "7", "a,1", "x"]
