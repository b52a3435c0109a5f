/** The language of Insights over rows in memory: results worked out by hand, many after the guide's examples. */
import { expect, test } from "vitest";
import { parseQuery } from "./parse-query.ts";
import { planQuery } from "./plan.ts";
import { Row } from "./row.ts";
import { QuerySyntaxError } from "./syntax.ts";

const start = Date.UTC(2026, 0, 1);

interface Line {
  readonly at: number;
  readonly message: string;
  readonly stream?: string;
}

function run(query: string, lines: readonly (Line | string)[], limit = 1000): Record<string, string>[] {
  const plan = planQuery(parseQuery(query), limit);
  for (const [sequence, line] of lines.entries()) {
    const { at, message, stream = "s" } = typeof line === "string" ? { at: sequence, message: line } : line;
    plan.push(
      new Row(
        { timestamp: start + at, ingestionTime: start + at + 5, sequence, message },
        { accountId: "000000000000", group: "/g", stream },
      ),
    );
  }
  return plan
    .end()
    .map((row) =>
      Object.fromEntries(row.filter(({ field }) => field !== "@ptr").map(({ field, value }) => [field, value])),
    );
}

/** The values of one column. */
const column = (query: string, lines: readonly (Line | string)[], name: string) =>
  run(query, lines).map((row) => row[name]);

/** The value of an expression. */
const value = (expression: string, message = "{}") => run(`fields ${expression} as x`, [message])[0]["x"];

const json = (fields: Record<string, unknown>) => JSON.stringify(fields);
const requests = [
  json({ level: "INFO", latency: 10, user: { id: "ann", tags: ["a", "b"] }, path: "/a" }),
  json({ level: "ERROR", latency: 250, user: { id: "bob" }, path: "/b" }),
  json({ level: "INFO", latency: 30, user: { id: "ann" }, path: "/b" }),
  "no JSON at all",
];

test("events come newest first, with the fields that were asked for and those found in JSON", () => {
  expect(run("fields @timestamp, level, user.id, user.tags.1 | limit 3", requests)).toEqual([
    { "@timestamp": "2026-01-01 00:00:00.003" },
    { "@timestamp": "2026-01-01 00:00:00.002", level: "INFO", "user.id": "ann" },
    { "@timestamp": "2026-01-01 00:00:00.001", level: "ERROR", "user.id": "bob" },
  ]);
  expect(run("filter level = 'ERROR'", requests)).toEqual([
    { "@timestamp": "2026-01-01 00:00:00.001", "@message": requests[1] },
  ]);
  expect(run("fields @log, @logStream, @ingestionTime | limit 1", requests)).toEqual([
    { "@log": "000000000000:/g", "@logStream": "s", "@ingestionTime": "2026-01-01 00:00:00.008" },
  ]);
  expect(
    run("fields level as severity, `user`.`id` as who | display who, severity | sort latency desc | limit 1", requests),
  ).toEqual([{ who: "bob", severity: "ERROR" }]);
});

test.each([
  ["latency > 20", ["/b", "/b"]],
  ["latency >= 10 and latency < 250", ["/b", "/a"]],
  ["level = 'INFO' and (latency > 20 or user.id = 'bob')", ["/b"]],
  ["not level = 'INFO' and ispresent(level)", ["/b"]],
  ["level in ['WARN', 'ERROR']", ["/b"]],
  ["level not in ['WARN', 'ERROR']", ["/b", "/a"]],
  ["latency in [10, 11]", ["/a"]],
  ["level like /ERR|WARN/", ["/b"]],
  ["level like 'NF'", ["/b", "/a"]],
  ["level not like /INFO/", ["/b"]],
  ["path =~ /^\\/a$/", ["/a"]],
  ["@message like '\"ann\"'", ["/b", "/a"]],
  ["level != 'INFO'", ["/b"]],
  ["latency * 2 - 10 = 10", ["/a"]],
  ["latency % 20 = 10 # and that is all", ["/b", "/b", "/a"]],
  ["2 ^ 3 = 8 and latency = 1.0e1", ["/a"]],
  ["-latency < -100", ["/b"]],
])("filter %s", (condition, expected) => {
  expect(column(`fields path | filter ${condition} | display path`, requests, "path")).toEqual(expected);
});

test("stats by fields, by time and over all, with arithmetic of aggregates", () => {
  expect(
    run("stats count(*) as n, avg(latency), max(latency) - min(latency) as spread by level | sort n desc", requests),
  ).toEqual([
    { level: "INFO", n: "2", "avg(latency)": "20", spread: "20" },
    { level: "ERROR", n: "1", "avg(latency)": "250", spread: "0" },
    { n: "1" },
  ]);
  const minute = 60_000;
  const lines = [0, 1, 4, 5, 9].map((at) => ({ at: at * minute, message: json({ v: at }) }));
  expect(run("stats sum(v), count() by bin(5m) | sort `bin(5m)`", lines)).toEqual([
    { "bin(5m)": "2026-01-01 00:00:00.000", "sum(v)": "5", "count()": "3" },
    { "bin(5m)": "2026-01-01 00:05:00.000", "sum(v)": "14", "count()": "2" },
  ]);
  expect(
    run(
      "stats earliest(v) as first, latest(v) as last, sortsFirst(v) as a, sortsLast(v) as z, median(v) as m, pct(v, 90) as p, stddev(v) as d, count_distinct(v) as u, max(@timestamp) as t",
      lines,
    ),
  ).toEqual([
    {
      first: "0",
      last: "9",
      a: "0",
      z: "9",
      m: "4",
      p: "9",
      // Of 0, 1, 4, 5, 9: mean 3.8, squares 50.8, over four of them.
      d: String(Math.sqrt(12.7)),
      u: "5",
      t: "2026-01-01 00:09:00.000",
    },
  ]);
  expect(run("stats count(*) as n by bin(5m) as t | stats max(n) as most", lines)).toEqual([{ most: "3" }]);
  expect(run("stats count(*)", [])).toEqual([]);
});

test("percentiles of many values are within a percent, counts of distinct ones within five", () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => json({ v: at - 5000, w: at % 7000 }));
  const [row] = run("stats pct(v, 50) as m, pct(v, 99) as p, pct(v, 10) as low, count_distinct(w) as u", lines);
  expect(Math.abs(Number(row["m"]) - 5000)).toBeLessThan(50);
  expect(Math.abs(Number(row["p"]) - 14_800)).toBeLessThan(148);
  expect(Math.abs(Number(row["low"]) - -3000)).toBeLessThan(30);
  expect(Math.abs(Number(row["u"]) - 7000)).toBeLessThan(350);
});

test("parse takes fields out of text, by wildcards and by groups with names", () => {
  const lines = ["25 May 2019 10:24:39,474 [ERROR] {foo=2, bar=data} at A", "user=ann, method:PUT, latency := 42"];
  expect(
    run(
      "parse @message '[*] {foo=*, bar=*}' as level, foo, bar | filter ispresent(level) | display level, foo, bar",
      lines,
    ),
  ).toEqual([{ level: "ERROR", foo: "2", bar: "data" }]);
  expect(
    run('parse "user=*, method:*, latency := *" as @user, @method, @latency | stats avg(@latency) by @method', lines),
  ).toEqual([{}, { "@method": "PUT", "avg(@latency)": "42" }]);
  expect(
    run(
      "fields @message | parse @message /user=(?<user2>.*?), method:(?<method2>\\w+)/ | filter method2 = 'PUT' | display user2",
      lines,
    ),
  ).toEqual([{ user2: "ann" }]);
  expect(run("parse @message /at (\\w+)$/ as place | sort place desc | display place | limit 1", lines)).toEqual([
    { place: "A" },
  ]);
});

test("dedup keeps the first of each, in the order there is", () => {
  const lines = ["a 1", "b 2", "a 3", "b 4"].map((message) => json({ key: message[0], n: Number(message[2]) }));
  expect(run("fields key, n | dedup key", lines)).toEqual([
    { key: "b", n: "4" },
    { key: "a", n: "3" },
  ]);
  expect(run("fields key, n | sort n asc | dedup key", lines)).toEqual([
    { key: "a", n: "1" },
    { key: "b", n: "2" },
  ]);
});

test("sort by several keys, numbers as numbers; a limit before it takes the newest", () => {
  const lines = [json({ a: 2, b: "x" }), json({ a: 10, b: "x" }), json({ a: 1, b: "y" })];
  expect(column("fields a | sort b desc, a", lines, "a")).toEqual(["1", "2", "10"]);
  expect(column("fields a | limit 2 | sort a", lines, "a")).toEqual(["1", "10"]);
  expect(run("fields a", lines, 2)).toHaveLength(2);
});

test.each([
  ["abs(-3)", "3"],
  ["ceil(1.2)", "2"],
  ["floor(-1.2)", "-2"],
  ["greatest(1, 7, 3)", "7"],
  ["least(4, 2)", "2"],
  ["log(1)", "0"],
  ["sqrt(16)", "4"],
  ["10 / 4", "2.5"],
  ["isempty('')", "1"],
  ["isempty(nothing)", "1"],
  ["isblank('  ')", "1"],
  ["isblank('a')", "0"],
  ["concat('a', 1, 'b')", "a1b"],
  ["ltrim('xxax', 'x')", "ax"],
  ["rtrim('a  ')", "a"],
  ["trim(' a ')", "a"],
  ["strlen('añ😀')", "3"],
  ["toupper('ab')", "AB"],
  ["tolower('AB')", "ab"],
  ["substr('xyzfooxyz', 3)", "fooxyz"],
  ["substr('xyzfooxyz', 3, 3)", "foo"],
  ["replace('foobarbaz', 'ba', 'X')", "fooXrXz"],
  ["strcontains('hello', 'ell')", "1"],
  ["coalesce(nothing, 'b')", "b"],
  ["if(1 = 1, 'yes', 'no')", "yes"],
  ["fromMillis(0)", "1970-01-01 00:00:00.000"],
  ["toMillis(@timestamp)", String(start)],
  ["datefloor(fromMillis(1767225599999), 1h)", "2025-12-31 23:00:00.000"],
  ["dateceil(fromMillis(1767225599999), 1d)", "2026-01-01 00:00:00.000"],
  ["datefloor(fromMillis(1767225599999), 1mo)", "2025-12-01 00:00:00.000"],
  ["datefloor(fromMillis(1767225599999), 1q)", "2025-10-01 00:00:00.000"],
  ["datefloor(fromMillis(1767225599999), 1w)", "2025-12-29 00:00:00.000"],
  ['jsonParse(\'{"a":[1,{"b":2}]}\')', '{"a":[1,{"b":2}]}'],
  ["isValidIp('10.0.0.1')", "1"],
  ["isValidIpV6('10.0.0.1')", "0"],
  ["isIpInSubnet('10.0.3.7', '10.0.0.0/16')", "1"],
  ["isIpv4InSubnet('11.0.3.7', '10.0.0.0/16')", "0"],
  ["isIpInSubnet('nonsense', '10.0.0.0/16')", "0"],
  ["replace('aXbX', 'X', '')", "ab"],
  ["replace('YY', 'Y', 'YY')", "YYYY"],
])("%s is %s", (expression, expected) => {
  expect(value(expression)).toBe(expected);
});

test("what jsonParse makes has parts", () => {
  const message = json({ inner: json({ code: 7, list: [{ x: 1 }] }) });
  expect(
    run("fields jsonParse(inner) as doc | fields doc.code as code, doc.list[0].x as x | display code, x", [message]),
  ).toEqual([{ code: "7", x: "1" }]);
});

test.each<[string, string, number, number]>([
  ["", "unexpected end of query at line 1 and position 0, expecting {fields", 0, 0],
  ["invalid", "unexpected symbol found invalid at line 1 and position 0", 0, 7],
  ["fields @message | pattern @message", "the command pattern is not supported by Sagebrush", 18, 25],
  ["SOURCE logGroups() | fields @message", "the command source is not supported by Sagebrush", 0, 6],
  ["fields @message\n| filter level =", "unexpected end of query at line 2 and position 16", 32, 32],
  ["fields strlength(@message)", "unknown function strlength at line 1 and position 7", 7, 16],
  ["fields count(*)", "count is for stats only", 7, 12],
  ["fields strlen()", "strlen takes 1 arguments, got 0", 7, 15],
  ["filter @message like /(/", "invalid regular expression /(/", 21, 24],
  ["filter @message like /(?=a)/", "lookaround is not supported", 21, 28],
  ["parse @message '* *' as a", "parse has 2 wildcards and 1 names", 6, 25],
  ["parse @message /(a)/", "need names", 6, 20],
  ["limit 0", "limit takes a number from 1 to 100000", 6, 7],
  ["stats count(*) by bin(5x)", "invalid period 5x", 22, 24],
  ["stats count(*) by bin(@timestamp)", "bin takes a period such as 5m", 18, 33],
  ["fields a b", "unexpected symbol found b at line 1 and position 9", 9, 10],
  ["filter a in [1, 2", "expecting ']'", 17, 17],
  [`filter ${"(".repeat(200)}a${")".repeat(200)}`, "nest at most 100 deep", 108, 109],
])("%s is refused where it is wrong", (query, message, from, end) => {
  try {
    parseQuery(query);
  } catch (error) {
    expect(error).toBeInstanceOf(QuerySyntaxError);
    expect((error as QuerySyntaxError).message).toContain(message);
    expect([(error as QuerySyntaxError).start, (error as QuerySyntaxError).end]).toEqual([from, end]);
    return;
  }
  expect.unreachable("the query was understood");
});

test("texts that functions make end at a million characters, and longer ones are never made", () => {
  const most = 2 ** 20;
  const long = "a".repeat(60_000);
  const length = (expression: string) => Number(value(`strlen(${expression})`, long));
  // Made as a whole, this would have 3.6 thousand million characters, which is more than a string can have.
  expect(length("replace(@message, 'a', @message)")).toBe(most);
  expect(length(`concat(${Array.from({ length: 50 }, () => "@message").join(", ")})`)).toBe(most);
  // Each round doubles what it escapes.
  const rounds = (count: number) => `${"jsonStringify(".repeat(count)}@message${")".repeat(count)}`;
  expect(value(rounds(2), "x")).toBe(String.raw`"\"x\""`);
  expect(value(`isPresent(${rounds(40)})`, "x")).toBe("0");
});
