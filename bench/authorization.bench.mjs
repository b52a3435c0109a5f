// Policy evaluation: one question against a policy of 50 statements, as every request of a user or role pays it.
// Reference in the same run: parsing the policy's JSON, which whoever keeps no compiled policies pays each time.
import { cpus } from "node:os";
import { compilePolicy, evaluate } from "../dist/authorization/index.js";

const secondsPerRound = 0.5;
const rounds = 5;
const targetMicroseconds = 20;
const statements = 50;

const principal = {
  kind: "assumed-role",
  accountId: "123456789012",
  arn: "arn:aws:sts::123456789012:assumed-role/Scientist/ana",
  userId: "AROAEXAMPLE:ana",
  accessKeyId: "ASIAEXAMPLE",
  session: {
    issuerArn: "arn:aws:iam::123456789012:role/Scientist",
    tags: { team: "vision" },
    issuedAt: 1_700_000_000_000,
  },
};
const facts = {
  "aws:CurrentTime": "2026-01-01T00:00:00.000Z",
  "aws:EpochTime": "1767225600",
  "aws:SecureTransport": "false",
  "aws:SourceIp": "203.0.113.9",
  "aws:RequestedRegion": "us-east-1",
};
const access = { action: "s3:GetObject", resource: "arn:aws:s3:::data-49/vision/train/part-00001.csv" };

const documentOf = (statement) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: Array.from({ length: statements }, (_, index) => statement(index)),
  });

// Statements about many services, one of which is asked about: what policies look like.
const services = ["sagemaker", "logs", "cloudwatch", "ecr", "s3"];
const usual = documentOf((index) => ({
  Effect: "Allow",
  Action: [`${services[index % 5]}:Get*`, `${services[index % 5]}:List*`, `${services[index % 5]}:Put*`],
  Resource: [`arn:aws:s3:::data-${index}/*`, `arn:aws:s3:::data-${index}`],
}));
// Every statement is about the action and the resource; only the condition of the last holds.
const conditional = documentOf((index) => ({
  Effect: "Allow",
  Action: ["s3:Put*", "s3:Get*"],
  Resource: "arn:aws:s3:::data-*",
  Condition: { StringEquals: { "aws:PrincipalTag/team": index === statements - 1 ? "vision" : `team-${index}` } },
}));
// The same with two resources, a variable and three conditions each: more than people write.
const extreme = documentOf((index) => ({
  Effect: "Allow",
  Action: ["s3:Put*", "s3:Get*"],
  Resource: [`arn:aws:s3:::other-${index}/*`, "arn:aws:s3:::data-*/${aws:PrincipalTag/team}/*"],
  Condition: {
    IpAddress: { "aws:SourceIp": ["198.51.100.0/24", "203.0.113.0/24"] },
    StringLike: { "aws:PrincipalArn": "arn:aws:iam::*:role/Sci*" },
    DateGreaterThan: { "aws:CurrentTime": index === statements - 1 ? "2025-01-01T00:00:00Z" : "2027-01-01T00:00:00Z" },
  },
}));

function microseconds(call) {
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < secondsPerRound * 1000) {
      for (let repeat = 0; repeat < 100; repeat += 1) call();
      count += 100;
    }
    best = Math.min(best, ((performance.now() - start) * 1000) / count);
  }
  return best;
}

function evaluation(text) {
  const identity = [compilePolicy(text, "bench")];
  // Facts are new for every request.
  return () => evaluate({ principal, policies: { identity }, access, facts: { ...facts } });
}

const cases = [
  ["50 statements about five services, the last allows", evaluation(usual)],
  ["50 statements about the action, each with a condition, the last allows", evaluation(conditional)],
  ["the same with two resources, a variable and three conditions each", evaluation(extreme)],
  ["reference: JSON.parse of the first of them", () => JSON.parse(usual)],
];
console.log(
  `${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`,
);
const measured = cases.map(([name, call]) => {
  const figure = microseconds(call);
  console.log(`${name.padEnd(72)} ${figure.toFixed(2).padStart(7)} µs`);
  return figure;
});
console.log(`aim: at most ${targetMicroseconds} µs for the first two`);
process.exitCode = Math.max(measured[0], measured[1]) <= targetMicroseconds ? 0 : 1;
