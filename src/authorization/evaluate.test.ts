import { describe, expect, test } from "vitest";
import type { Access } from "../protocol/access.ts";
import type { Principal } from "../protocol/service.ts";
import type { CallerPolicies, Decision, Question } from "./decision.ts";
import { evaluate } from "./evaluate.ts";
import { PolicySyntaxError } from "./policy-syntax-error.ts";
import { compilePolicy, type Policy } from "./policy.ts";

const home = "123456789012";
const elsewhere = "222222222222";
const user: Principal = {
  kind: "user",
  accountId: home,
  arn: `arn:aws:iam::${home}:user/carlos`,
  userId: "AIDA",
  accessKeyId: "k",
};
const role = `arn:aws:iam::${home}:role/service-role/Trainer`;
const session: Principal = {
  kind: "assumed-role",
  accountId: home,
  arn: `arn:aws:sts::${home}:assumed-role/Trainer/job`,
  userId: "AROA:job",
  accessKeyId: "k",
  session: { issuerArn: role },
};
const federated: Principal = {
  kind: "federated-user",
  accountId: home,
  arn: `arn:aws:sts::${home}:federated-user/eve`,
  userId: `${home}:eve`,
  accessKeyId: "k",
  session: { issuerArn: user.arn },
};
const root: Principal = {
  kind: "root",
  accountId: home,
  arn: `arn:aws:iam::${home}:root`,
  userId: home,
  accessKeyId: "k",
};
const anonymous: Principal = {
  kind: "anonymous",
  accountId: "anonymous",
  arn: "anonymous",
  userId: "anonymous",
  accessKeyId: "",
};
const service: Principal = {
  kind: "service",
  accountId: home,
  arn: "sagemaker.amazonaws.com",
  userId: "",
  accessKeyId: "",
};

const textOf = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const policy = (name: string, ...statements: object[]): Policy => compilePolicy(textOf(...statements), name);
const allow = (Action: string | string[] = "*", Resource: string | string[] = "*") => ({
  Effect: "Allow",
  Action,
  Resource,
});
const deny = (Action: string | string[] = "*", Resource: string | string[] = "*") => ({
  Effect: "Deny",
  Action,
  Resource,
});
const to = (statement: object, ...names: string[]) => ({ ...statement, Principal: { AWS: names } });

const object = "arn:aws:s3:::data/a";
const read: Access = { action: "s3:GetObject", resource: object };

function ask(
  principal: Principal,
  policies: Partial<CallerPolicies>,
  access: Partial<Access> = {},
  more: Partial<Question> = {},
): Decision {
  return evaluate({
    principal,
    policies: { identity: [], ...policies },
    access: { ...read, ...access },
    facts: {},
    ...more,
  });
}

/** `allow`, or what stood in the way: `no identity-based`, `denied by session`. */
function answer(...question: Parameters<typeof ask>): string {
  const decision = ask(...question);
  if (decision.effect === "allow") return "allow";
  return `${decision.effect === "implicit-deny" ? "no" : "denied by"} ${decision.type}`;
}

const all = policy("All", allow());
const nothing = policy("Nothing", allow("iam:GetUser"));
const refusing = policy("Refusing", allow(), deny("s3:Get*"));

describe("within an account", () => {
  test.each<[string, Partial<CallerPolicies>, string]>([
    ["nothing is allowed by itself", {}, "no identity-based"],
    ["one policy that allows is enough", { identity: [nothing, all] }, "allow"],
    ["a policy about something else is none", { identity: [nothing] }, "no identity-based"],
    ["a deny wins over all that allow", { identity: [all, refusing] }, "denied by identity-based"],
    ["a boundary alone gives nothing", { boundary: all }, "no identity-based"],
    ["a boundary must allow, too", { identity: [all], boundary: nothing }, "no permissions boundary"],
    ["a boundary that allows lets through", { identity: [all], boundary: all }, "allow"],
    ["a boundary may deny", { identity: [all], boundary: refusing }, "denied by permissions boundary"],
    ["a session must allow, too", { identity: [all], session: [nothing] }, "no session"],
    ["one of a session's policies is enough", { identity: [all], session: [nothing, all] }, "allow"],
    ["a session alone gives nothing", { session: [all] }, "no identity-based"],
    ["a session without any policy in its list may nothing", { identity: [all], session: [] }, "no session"],
    ["a session may deny", { identity: [all], session: [all, refusing] }, "denied by session"],
    ["all limits hold together", { identity: [all], boundary: nothing, session: [nothing] }, "no permissions boundary"],
  ])("%s", (_, policies, expected) => {
    expect(answer(session, policies)).toBe(expected);
  });

  // Source: IAM User Guide, "Example identity-based and resource-based policy evaluation".
  test("Carlos may write to his own bucket, and not to one with log in its name", () => {
    const identity = [
      policy(
        "carlos",
        allow(["s3:GetBucketLocation", "s3:ListAllMyBuckets"], "arn:aws:s3:::*"),
        allow("s3:*", ["arn:aws:s3:::carlos/*", "arn:aws:s3:::carlos"]),
        deny("s3:*", "arn:aws:s3:::*log*"),
      ),
    ];
    const bucketPolicy = textOf(to(allow("s3:*", ["arn:aws:s3:::carlos/*", "arn:aws:s3:::carlos"]), user.arn));
    const put = (resource: string, more: Partial<Access> = {}) =>
      answer(user, { identity }, { action: "s3:PutObject", resource, ...more });
    expect(put("arn:aws:s3:::carlos-logs/x")).toBe("denied by identity-based");
    expect(put("arn:aws:s3:::carlos/x", { policy: bucketPolicy })).toBe("allow");
    expect(put("arn:aws:s3:::other/x")).toBe("no identity-based");
    expect(answer(user, {}, { action: "s3:PutObject", resource: "arn:aws:s3:::carlos/x", policy: bucketPolicy })).toBe(
      "allow",
    );
  });

  // Source: IAM User Guide, "Permissions boundaries for IAM entities".
  test("Shirley's boundary of three services leaves her no way to create users", () => {
    const identity = [policy("create", allow("iam:CreateUser"))];
    const boundary = policy("boundary", allow(["s3:*", "cloudwatch:*", "ec2:*"]));
    expect(answer(user, { identity, boundary }, { action: "iam:CreateUser", resource: "*" })).toBe(
      "no permissions boundary",
    );
    expect(answer(user, { identity, boundary })).toBe("no identity-based");
  });

  test("NotAction and NotResource are about everything else", () => {
    const identity = [
      policy("most", { Effect: "Allow", NotAction: "iam:*", Resource: "*" }),
      policy("but", { Effect: "Deny", Action: "s3:*", NotResource: ["arn:aws:s3:::data", "arn:aws:s3:::data/*"] }),
    ];
    expect(answer(user, { identity })).toBe("allow");
    expect(answer(user, { identity }, { resource: "arn:aws:s3:::other/a" })).toBe("denied by identity-based");
    expect(answer(user, { identity }, { action: "iam:GetUser", resource: "*" })).toBe("no identity-based");
    expect(answer(user, { identity }, { action: "sqs:ListQueues", resource: "*" })).toBe("allow");
  });

  test("a resource with a variable without a value is no resource, neither to allow nor to except", () => {
    const own = "arn:aws:s3:::data/${aws:PrincipalTag/team}/*";
    const identity = [policy("own", allow("s3:*", own), { Effect: "Deny", Action: "s3:*", NotResource: own })];
    const at = { resource: "arn:aws:s3:::data/vision/x" };
    expect(answer(user, { identity, tags: { Team: "vision" } }, at)).toBe("allow");
    expect(answer(user, { identity }, at)).toBe("denied by identity-based");
  });

  test("a document of version 2008-10-17 has no variables", () => {
    const own = JSON.stringify({ Statement: allow("s3:*", "arn:aws:s3:::data/${aws:username}") });
    const at = { resource: "arn:aws:s3:::data/carlos" };
    expect(answer(user, { identity: [compilePolicy(own, "old")] }, at)).toBe("no identity-based");
    const newer = own.replace("{", '{"Version":"2012-10-17",');
    expect(answer(user, { identity: [compilePolicy(newer, "new")] }, at)).toBe("allow");
  });

  test("an identity's statement that names no resource is about none", () => {
    expect(answer(user, { identity: [policy("p", { Effect: "Allow", Action: "*" })] })).toBe("no identity-based");
  });

  test("conditions read the request, the caller and the access", () => {
    const identity = [
      policy("conditional", {
        ...allow("s3:ListBucket", "arn:aws:s3:::data"),
        Condition: {
          StringLike: { "s3:prefix": ["", "home/", "home/${aws:username}/*"] },
          IpAddress: { "aws:SourceIp": "203.0.113.0/24" },
          StringEquals: { "aws:PrincipalTag/role": ["audit", "security"] },
        },
      }),
    ];
    const list = (prefix: string, ip: string, tags: Record<string, string>) =>
      answer(
        user,
        { identity, tags },
        { action: "s3:ListBucket", resource: "arn:aws:s3:::data", conditions: { "s3:prefix": prefix } },
        { facts: { "aws:SourceIp": ip } },
      );
    expect(list("home/carlos/x", "203.0.113.5", { role: "audit" })).toBe("allow");
    expect(list("", "203.0.113.5", { role: "audit" })).toBe("allow");
    expect(list("home/eve/x", "203.0.113.5", { role: "audit" })).toBe("no identity-based");
    expect(list("home/carlos/x", "198.51.100.1", { role: "audit" })).toBe("no identity-based");
    expect(list("home/carlos/x", "203.0.113.5", { role: "sales" })).toBe("no identity-based");
  });
});

// Source: IAM User Guide, "Policy evaluation logic", the table "Resource-based policies and implicit denies in other
// policy types (same account)".
describe("a resource's policy of the same account", () => {
  const naming = (...names: string[]) => ({ policy: textOf(to(allow("s3:*", "arn:aws:s3:::data/*"), ...names)) });

  test.each<[string, Principal, string, Partial<CallerPolicies>, string]>([
    ["a user by its ARN", user, user.arn, {}, "allow"],
    ["a user by its ARN", user, user.arn, { boundary: nothing }, "allow"],
    ["a role's session by its ARN", session, session.arn, {}, "allow"],
    ["a role's session by its ARN", session, session.arn, { boundary: nothing, session: [nothing] }, "allow"],
    ["a role by its ARN", session, role, {}, "allow"],
    ["a role by its ARN", session, role, { boundary: nothing }, "no permissions boundary"],
    ["a role by its ARN", session, role, { session: [nothing] }, "no session"],
    ["a role by its ARN", session, role, { boundary: all, session: [all] }, "allow"],
    ["a federated user by its ARN", federated, federated.arn, { session: [nothing] }, "allow"],
    ["a federated user by its ARN", federated, federated.arn, {}, "allow"],
    ["the user who federated", federated, user.arn, { session: [nothing] }, "no session"],
    ["the user who federated", federated, user.arn, { session: [all] }, "allow"],
    ["the user who federated", federated, user.arn, { session: [all], boundary: nothing }, "no permissions boundary"],
    ["everybody", session, "*", { boundary: nothing, session: [nothing] }, "allow"],
    ["the account", user, home, {}, "no identity-based"],
    ["the account", user, root.arn, {}, "no identity-based"],
    ["the account", user, root.arn, { identity: [all] }, "allow"],
    ["the account", user, root.arn, { identity: [all], boundary: nothing }, "no permissions boundary"],
    ["another account", user, elsewhere, {}, "no identity-based"],
    ["another account", user, elsewhere, { identity: [all] }, "allow"],
    ["everybody, but the identity denies it", user, "*", { identity: [refusing] }, "denied by identity-based"],
    ["everybody, but the boundary denies it", user, "*", { boundary: refusing }, "denied by permissions boundary"],
    ["everybody, but the session denies it", session, "*", { session: [refusing] }, "denied by session"],
  ])("names %s ($1.kind): $3, $4", (_, principal, name, policies, expected) => {
    expect(answer(principal, policies, naming(name))).toBe(expected);
  });

  test("may deny what the identity's policies allow", () => {
    const policyOf = (statement: object) => ({ policy: textOf(statement) });
    expect(answer(user, { identity: [all] }, policyOf(to(deny("s3:*"), user.arn)))).toBe("denied by resource-based");
    expect(answer(user, { identity: [all] }, policyOf(to(deny("s3:*"), home)))).toBe("denied by resource-based");
    expect(answer(user, { identity: [all] }, policyOf(to(deny("s3:*"), elsewhere)))).toBe("allow");
    expect(answer(user, { identity: [all] }, policyOf(to(deny("s3:Put*"), "*")))).toBe("allow");
  });

  test("with NotPrincipal denies everybody else, and whoever has a boundary", () => {
    const only = { policy: textOf({ ...deny("s3:*"), NotPrincipal: { AWS: [user.arn, root.arn] } }) };
    expect(answer(user, { identity: [all] }, only)).toBe("allow");
    expect(answer(session, { identity: [all] }, only)).toBe("denied by resource-based");
    expect(answer(user, { identity: [all], boundary: all }, only)).toBe("denied by resource-based");
  });

  test("without Principal says nothing to anybody", () => {
    expect(answer(user, {}, { policy: textOf(allow()) })).toBe("no identity-based");
  });

  test("that cannot be read stops the evaluation", () => {
    expect(() => ask(user, { identity: [all] }, { policy: "{" })).toThrow(PolicySyntaxError);
  });

  test("a grant by other means passes on to the account, whose own policies say to whom", () => {
    expect(answer(user, {}, { granted: true })).toBe("no identity-based");
    expect(answer(user, { identity: [all] }, { granted: true })).toBe("allow");
  });
});

// Source: IAM User Guide, "Cross-account policy evaluation logic".
describe("across accounts both sides must allow", () => {
  const theirs = (...names: string[]) => ({
    owner: elsewhere,
    ...(names.length === 0 ? {} : { policy: textOf(to(allow("s3:*", "arn:aws:s3:::data/*"), ...names)) }),
  });

  test.each<[string, Principal, Partial<CallerPolicies>, Partial<Access>, string]>([
    ["only the identity's policies", user, { identity: [all] }, theirs(), "no resource-based"],
    ["only the resource's policy", user, {}, theirs(user.arn), "no identity-based"],
    ["both, the user named", user, { identity: [all] }, theirs(user.arn), "allow"],
    ["both, the account named", user, { identity: [all] }, theirs(home), "allow"],
    ["both, everybody named", user, { identity: [all] }, theirs("*"), "allow"],
    ["both, somebody else named", user, { identity: [all] }, theirs("333333333333"), "no resource-based"],
    ["only the resource's policy, the session named", session, {}, theirs(session.arn), "no identity-based"],
    [
      "both, but no boundary",
      session,
      { identity: [all], boundary: nothing },
      theirs(session.arn),
      "no permissions boundary",
    ],
    ["both, but no session", session, { identity: [all], session: [nothing] }, theirs(role), "no session"],
    ["a list of grants", user, { identity: [all] }, { owner: elsewhere, granted: true }, "allow"],
    ["a list of grants alone", user, {}, { owner: elsewhere, granted: true }, "no identity-based"],
    ["the root user, named", root, {}, theirs(home), "allow"],
    ["the root user, not named", root, {}, theirs(), "no resource-based"],
  ])("%s", (_, principal, policies, access, expected) => {
    expect(answer(principal, policies, access)).toBe(expected);
  });

  test("a deny of either side is enough", () => {
    const denied = { owner: elsewhere, policy: textOf(to(allow(), home), to(deny("s3:Get*"), user.arn)) };
    expect(answer(user, { identity: [all] }, denied)).toBe("denied by resource-based");
    expect(answer(user, { identity: [refusing] }, theirs(home))).toBe("denied by identity-based");
  });

  test("Carlos reads and writes objects of the other account's bucket, but no logs", () => {
    const identity = [
      policy(
        "carlos",
        allow("s3:ListAllMyBuckets"),
        allow("s3:*Object*", "arn:aws:s3:::Production/*"),
        deny("s3:*", ["arn:aws:s3:::*log*", "arn:aws:s3:::*log*/*"]),
      ),
    ];
    const bucketPolicy = textOf(to(allow(["s3:GetObject*", "s3:PutObject*"], "arn:aws:s3:::Production/*"), user.arn));
    const put = (bucket: string) =>
      answer(
        user,
        { identity },
        { action: "s3:PutObject", resource: `arn:aws:s3:::${bucket}/x`, owner: elsewhere, policy: bucketPolicy },
      );
    expect(put("Production-logs")).toBe("denied by identity-based");
    expect(put("Production")).toBe("allow");
  });
});

describe("trust policies must name whoever assumes the role", () => {
  const assume = (...statements: object[]): Access => ({
    action: "sts:AssumeRole",
    resource: role,
    policy: textOf(...statements),
    policyRequired: true,
  });
  const trusting = (...names: string[]) =>
    assume({ Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS: names } });

  test.each<[string, Principal, Partial<CallerPolicies>, Access, string]>([
    ["the caller itself: that is enough", user, {}, trusting(user.arn), "allow"],
    ["the account: a policy of its own must allow it", user, {}, trusting(home), "no identity-based"],
    ["the account, and a policy of its own allows it", user, { identity: [all] }, trusting(home), "allow"],
    [
      "somebody else: no policy of its own helps",
      user,
      { identity: [all] },
      trusting(session.arn),
      "no resource-based",
    ],
    [
      "nobody",
      user,
      { identity: [all] },
      { action: "sts:AssumeRole", resource: role, policyRequired: true },
      "no resource-based",
    ],
    [
      "nobody, and grants are none of its means",
      user,
      { identity: [all] },
      { ...trusting(elsewhere), granted: true },
      "no resource-based",
    ],
    [
      "nobody of another account, and grants are none of its means",
      user,
      { identity: [all] },
      { ...trusting(elsewhere), owner: elsewhere, granted: true },
      "no resource-based",
    ],
    ["a user of another account", user, { identity: [all] }, { ...trusting(user.arn), owner: elsewhere }, "allow"],
    [
      "a user of another account whose own policies do not allow it",
      user,
      {},
      { ...trusting(user.arn), owner: elsewhere },
      "no identity-based",
    ],
    ["the root user's account", root, {}, trusting(home), "allow"],
    ["another account than the root user's", root, {}, trusting(elsewhere), "no resource-based"],
  ])("%s", (_, principal, policies, access, expected) => {
    expect(answer(principal, policies, access)).toBe(expected);
  });

  test("a service assumes the roles that trust it by name", () => {
    const trust = (Service: string | string[], Condition: object = {}) =>
      assume({ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service }, Condition });
    expect(answer(service, {}, trust(["sns.amazonaws.com", "sagemaker.amazonaws.com"]))).toBe("allow");
    expect(answer(service, {}, trust("sns.amazonaws.com"))).toBe("no resource-based");
    expect(answer(service, {}, trusting(home))).toBe("no resource-based");
    expect(answer(user, { identity: [all] }, trust("sagemaker.amazonaws.com"))).toBe("no resource-based");
    const fromAccount = trust("sagemaker.amazonaws.com", { StringEquals: { "aws:SourceAccount": home } });
    expect(answer(service, {}, fromAccount)).toBe("no resource-based");
    expect(answer(service, {}, fromAccount, { facts: { "aws:SourceAccount": home } })).toBe("allow");
  });
});

describe("whoever sends no signature", () => {
  test("may what a resource's policy or its grants give to everybody", () => {
    expect(answer(anonymous, {}, { owner: home })).toBe("no resource-based");
    expect(answer(anonymous, {}, { owner: home, granted: true })).toBe("allow");
    expect(answer(anonymous, {}, { owner: home, policy: textOf({ ...allow("s3:GetObject"), Principal: "*" }) })).toBe(
      "allow",
    );
    expect(answer(anonymous, {}, { owner: home, policy: textOf(to(allow(), "*")) })).toBe("allow");
    expect(answer(anonymous, {}, { owner: home, policy: textOf(to(allow(), home)) })).toBe("no resource-based");
    const granted = { owner: home, granted: true, policy: textOf(to(deny("s3:Get*"), "*")) };
    expect(answer(anonymous, {}, granted)).toBe("denied by resource-based");
  });
});

describe("the root user", () => {
  test("may everything in its account but what a resource's policy denies", () => {
    expect(answer(root, {})).toBe("allow");
    expect(answer(root, {}, { policy: textOf(to(allow("s3:*"), user.arn)) })).toBe("allow");
    expect(answer(root, {}, { policy: textOf(to(deny("s3:*"), "*")) })).toBe("denied by resource-based");
  });

  test.each(["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"])(
    "may %s on its own bucket, whatever the policy says",
    (action) => {
      const locked = { action, resource: "arn:aws:s3:::data", policy: textOf({ ...deny(), Principal: "*" }) };
      expect(answer(root, {}, locked)).toBe("allow");
      expect(answer(root, {}, { ...locked, owner: elsewhere })).toBe("denied by resource-based");
      expect(answer(user, { identity: [all] }, locked)).toBe("denied by resource-based");
    },
  );

  test("is limited by the session policies that its temporary credentials came with", () => {
    expect(answer(root, { session: [nothing] })).toBe("no session");
    expect(answer(root, { session: [all] })).toBe("allow");
    expect(answer({ ...root, session: { issuerArn: root.arn, policies: [textOf(allow("iam:GetUser"))] } }, {})).toBe(
      "no session",
    );
  });

  test("passes everything on to whom it federates, inside the session's policies", () => {
    const eve = { ...federated, session: { issuerArn: root.arn } };
    expect(answer(eve, { session: [all] })).toBe("allow");
    expect(answer(eve, { session: [nothing] })).toBe("no session");
    expect(answer(eve, {})).toBe("no session");
  });
});

test("a federated user without session policies may nothing of what its issuer may", () => {
  expect(answer(federated, { identity: [all] })).toBe("no session");
  expect(answer(federated, { identity: [all], session: [all] })).toBe("allow");
  expect(answer(federated, { session: [all] })).toBe("no identity-based");
});

test("session policies come with the principal where nobody has compiled them", () => {
  const narrowed: Principal = {
    ...session,
    session: { issuerArn: role, policies: [textOf(allow("s3:GetObject", object))] },
  };
  expect(answer(narrowed, { identity: [all] })).toBe("allow");
  expect(answer(narrowed, { identity: [all] }, { action: "s3:PutObject" })).toBe("no session");
});

describe("a decision says which statements made it", () => {
  const two = policy("two", allow("iam:*"), allow("s3:*"), allow("s3:Get*"));

  test("the first that allows, or all of them where they are asked for", () => {
    expect(ask(user, { identity: [two, all] })).toEqual({
      effect: "allow",
      matched: [{ type: "identity-based", policy: "two", statement: 1 }],
    });
    const bucketPolicy = textOf(to(allow(), home), to(allow(), user.arn));
    expect(ask(user, { identity: [two, all], boundary: all }, { policy: bucketPolicy }, { explain: true })).toEqual({
      effect: "allow",
      matched: [
        { type: "identity-based", policy: "two", statement: 1 },
        { type: "identity-based", policy: "two", statement: 2 },
        { type: "identity-based", policy: "All", statement: 0 },
        { type: "permissions boundary", policy: "All", statement: 0 },
        { type: "resource-based", policy: object, statement: 0 },
        { type: "resource-based", policy: object, statement: 1 },
      ],
    });
  });

  test("every statement that denies, and nothing of what allows", () => {
    expect(ask(user, { identity: [all, refusing], boundary: refusing })).toEqual({
      effect: "explicit-deny",
      type: "identity-based",
      matched: [
        { type: "identity-based", policy: "Refusing", statement: 1 },
        { type: "permissions boundary", policy: "Refusing", statement: 1 },
      ],
    });
  });

  test("a deny behind statements that allow is found", () => {
    const late = policy("late", allow(), allow(), deny());
    expect(ask(user, { identity: [late] })).toMatchObject({ effect: "explicit-deny", matched: [{ statement: 2 }] });
  });

  test("the most direct naming counts, even behind others", () => {
    const bucketPolicy = textOf(to(allow(), home), to(allow(), role), to(allow(), session.arn));
    expect(answer(session, { session: [nothing], boundary: nothing }, { policy: bucketPolicy })).toBe("allow");
  });
});
