/** The `sagebrush` command in a terminal and in scripts: what it prints, where, and the exit code that scripts rely on. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { CreateTrainingJobCommand, DescribeTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Command, sagebrush } from "../support/command-line.ts";
import { eventually, ServerProcess } from "../support/server-process.ts";
import { classifierJob, clientsOf, separableCsv, untilTrained } from "../support/training.ts";

const folder = mkdtempSync(join(tmpdir(), "sagebrush-command-line-"));
const unused = join(folder, "unused");

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("help and wrong command lines", () => {
  test.each([
    ["up", ["--port", "--host", "--data-dir", "--auth", "--account-id", "--region", "--max-jobs", "--json"]],
    ["env", ["--data-dir", "--port", "--region", "--json"]],
    ["configure", ["--data-dir", "--profile", "--json"]],
    ["status", ["--data-dir", "--json"]],
    ["logs", ["<job>", "--follow", "--data-dir", "--json"]],
    ["doctor", ["--data-dir", "--verify", "--json"]],
    ["run", ["<command...>", "--role", "--quiet", "--data-dir", "--json"]],
    ["demo", ["--json"]],
  ])("%s --help names its options and the variables that stand for them", async (name, options) => {
    const { code, stdout, stderr } = await sagebrush([name, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`Usage: sagebrush ${name}`);
    for (const option of options) expect(stdout).toContain(option);
    if (options.includes("--data-dir")) expect(stdout).toContain("SAGEBRUSH_DATA_DIR");
  });

  test("--help lists the commands and --version is the package's", async () => {
    const { code, stdout } = await sagebrush(["--help"]);
    expect(code).toBe(0);
    for (const name of ["up", "env", "configure", "status", "logs", "run", "doctor", "demo"])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Record<
      string,
      string
    >;
    expect(await sagebrush(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test.each([
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["env", "--frobnicate"], "unknown option '--frobnicate'"],
    [["env", "more"], "too many arguments"],
    [["env", "--data-dir"], "argument missing"],
    [["logs"], "missing required argument 'job'"],
    [["up", "--port", "abc"], '--port must be a port number from 0 to 65535, got "abc"'],
    [["up", "--port", "65536"], '--port must be a port number from 0 to 65535, got "65536"'],
    [["up", "--host", "0.0.0.0"], "--host must be a loopback address (127.0.0.1, ::1 or localhost)"],
    [["up", "--account-id", "12"], '--account-id must be twelve digits, got "12"'],
    [["up", "--region", "moon"], "--region must be a region name such as us-east-1"],
    [["up", "--auth", "maybe"], '--auth must be on or off, got "maybe"'],
    [["up", "--max-jobs", "0"], '--max-jobs must be a number from 1 to 9999, got "0"'],
  ])("%j is a usage error and says what is wrong", async (args, message) => {
    const { code, stdout, stderr } = await sagebrush([...args], { SAGEBRUSH_DATA_DIR: unused });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(existsSync(unused)).toBe(false);
  });

  test("a wrong variable is named as the variable it is", async () => {
    const { code, stderr } = await sagebrush(["up"], { SAGEBRUSH_PORT: "x", SAGEBRUSH_DATA_DIR: unused });
    expect(code).toBe(2);
    expect(stderr).toContain('SAGEBRUSH_PORT must be a port number from 0 to 65535, got "x"');
  });

  test("a data directory that cannot be one is named, with what to do", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "below")]) {
      const { code, stderr } = await sagebrush(["up", "--port", "0", "--data-dir", path]);
      expect(code).toBe(1);
      expect(stderr).toContain(`the data directory ${path} cannot be used`);
      expect(stderr).toContain("--data-dir");
      expect(stderr).not.toMatch(/^ +at /m);
    }
  });
});

describe("before any server was started", () => {
  test.each(["env", "configure", "status", "logs"])("%s says how to start one, with exit code 3", async (name) => {
    const args = [name, ...(name === "logs" ? ["job"] : []), "--data-dir", unused];
    const text = await sagebrush(args);
    expect([text.code, text.stdout]).toEqual([3, ""]);
    expect(text.stderr).toContain(`no Sagebrush server was ever started with the data directory ${unused}`);
    expect(text.stderr).toContain("npm start");
    const json = await sagebrush([...args, "--json"]);
    expect([json.code, json.stdout]).toEqual([3, ""]);
    expect((JSON.parse(json.stderr) as { error: string }).error).toContain("npm start");
    const korean = await sagebrush(args, { LANG: "ko_KR.UTF-8" });
    expect(korean.code).toBe(3);
    expect(korean.stderr).toContain("시작하세요");
    expect(existsSync(unused)).toBe(false);
  });
});

describe("with a server", () => {
  const server = new ServerProcess();
  const here = ["--data-dir", server.directory];

  beforeAll(async () => {
    await server.start();
    const { s3 } = clientsOf(server);
    await s3.send(new CreateBucketCommand({ Bucket: "terminal" }));
    await s3.send(new PutObjectCommand({ Bucket: "terminal", Key: "train/rows.csv", Body: separableCsv }));
    await s3.send(new PutObjectCommand({ Bucket: "terminal", Key: "text/rows.csv", Body: "one,two,three\n" }));
  }, 60_000);

  afterAll(async () => {
    await server.remove();
  });

  const create = async (name: string, prefix = "train/", num_round = "10") => {
    const { sagemaker } = clientsOf(server);
    await sagemaker.send(
      new CreateTrainingJobCommand(
        classifierJob(name, { bucket: "terminal", channels: { train: prefix }, hyperparameters: { num_round } }),
      ),
    );
    return sagemaker;
  };

  test("env is read by a shell as it is", async () => {
    const { code, stdout, stderr } = await sagebrush(["env", ...here, "--region", "ap-northeast-2"]);
    expect([code, stderr]).toEqual([0, ""]);
    const script = `AWS_PROFILE=other AWS_SESSION_TOKEN=old; eval "$1"; env; echo "profile=$AWS_PROFILE token=$AWS_SESSION_TOKEN"`;
    const variables = execFileSync("sh", ["-c", script, "sh", stdout], { encoding: "utf8", env: {} }).split("\n");
    const { accessKeyId, secretAccessKey } = server.credentials;
    expect(variables).toEqual(
      expect.arrayContaining([
        `AWS_ENDPOINT_URL=${server.url}`,
        `AWS_ACCESS_KEY_ID=${accessKeyId}`,
        `AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
        "AWS_REGION=ap-northeast-2",
        "AWS_DEFAULT_REGION=ap-northeast-2",
        "AWS_DISABLE_HOST_PREFIX_INJECTION=true",
        "profile= token=",
      ]),
    );
    const json = await sagebrush(["env", "--json"], { SAGEBRUSH_DATA_DIR: server.directory });
    expect(JSON.parse(json.stdout)).toEqual({
      AWS_ENDPOINT_URL: server.url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: "us-east-1",
      AWS_DEFAULT_REGION: "us-east-1",
      AWS_DISABLE_HOST_PREFIX_INJECTION: "true",
    });
  });

  test("configure writes a profile and leaves the user's others alone", async () => {
    const config = join(folder, "aws", "config");
    const credentials = join(folder, "aws", "credentials");
    const environment = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: credentials };
    expect((await sagebrush(["configure", ...here], environment)).code).toBe(0);
    writeFileSync(credentials, `[work]\naws_access_key_id = KEEP\n\n${readFileSync(credentials, "utf8")}`);
    const again = await sagebrush(["configure", ...here, "--json"], environment);
    expect(JSON.parse(again.stdout)).toMatchObject({
      profile: "sagebrush",
      endpointUrl: server.url,
      config,
      credentials,
    });
    const { accessKeyId, secretAccessKey } = server.credentials;
    expect(readFileSync(config, "utf8")).toBe(
      `[profile sagebrush]\nregion = us-east-1\nendpoint_url = ${server.url}\n`,
    );
    expect(readFileSync(credentials, "utf8")).toBe(
      `[work]\naws_access_key_id = KEEP\n\n[sagebrush]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
    );
    expect(statSync(credentials).mode & 0o077).toBe(0);
  });

  test("status lists the jobs, for people and for programs", async () => {
    const sagemaker = await create("finished");
    await untilTrained(sagemaker, "finished");
    const text = await sagebrush(["status", ...here]);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain(`${server.url} answers (process ${server.pid}, since `);
    expect(text.stdout).toMatch(/^training job +finished +Completed$/m);
    const korean = await sagebrush(["status", ...here], { LANG: "ko_KR.UTF-8" });
    expect(korean.stdout).toContain("에서 응답 중");
    expect(korean.stdout).toMatch(/^학습 작업 +finished +Completed$/m);
    const json = JSON.parse((await sagebrush(["status", ...here, "--json"])).stdout) as Record<string, unknown>;
    expect(json).toMatchObject({
      running: true,
      url: server.url,
      pid: server.pid,
      trainingJobs: [{ TrainingJobName: "finished", TrainingJobStatus: "Completed" }],
      endpoints: [],
    });
  });

  test("logs prints the lines, and an unknown job is exit code 4", async () => {
    const { code, stdout } = await sagebrush(["logs", "finished", ...here]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\[9\]#011train-logloss:0\.\d+$/m);
    const json = await sagebrush(["logs", "finished", ...here, "--json"]);
    const last = JSON.parse(json.stdout.trim().split("\n").at(-1)!) as Record<string, unknown>;
    expect(last).toEqual({
      logStreamName: expect.stringMatching(/^finished\//) as string,
      timestamp: expect.any(Number) as number,
      message: expect.stringContaining("[9]") as string,
    });
    const unknown = await sagebrush(["logs", "no-such-job", ...here]);
    expect([unknown.code, unknown.stdout]).toEqual([4, ""]);
    expect(unknown.stderr).toContain('there is no training job "no-such-job" in us-east-1');
    const elsewhere = await sagebrush(["logs", "finished", ...here, "--region", "eu-west-1"]);
    expect(elsewhere.code).toBe(4);
  });

  test("logs --follow shows lines while the job runs and ends with it", async () => {
    const sagemaker = await create("followed", "train/", "6000");
    const following = new Command(["logs", "followed", "-f", ...here]);
    await following.says("[0]");
    const { TrainingJobStatus } = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "followed" }));
    const { code, stdout, stderr } = await following.ended;
    expect([code, stderr]).toEqual([0, "training job followed: Completed\n"]);
    // Every line once, the last one included.
    const rounds = stdout.split("\n").flatMap((line) => /^\[(\d+)\]/.exec(line)?.[1] ?? []);
    expect(rounds).toEqual(Array.from({ length: 6000 }, (_, round) => String(round)));
    expect(TrainingJobStatus).toBe("InProgress");
  });

  test("logs --follow of a job that fails ends with its reason and exit code 1", async () => {
    await create("failing", "text/");
    const { code, stderr } = await sagebrush(["logs", "failing", "-f", ...here]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^training job failing: Failed - ClientError: .+\n$/);
  });

  test("a reader that has seen enough is no error", async () => {
    const program = new Command(["logs", "followed", ...here]);
    program.child.stdout!.once("data", () => program.child.stdout!.destroy());
    const { code, stderr } = await program.ended;
    expect([code, stderr]).toEqual([0, ""]);
  });

  test("a second server on the directory and a second one on the port are told why, without a stack", async () => {
    const busy = await sagebrush(["up", "--port", "0", ...here]);
    expect([busy.code, busy.stdout]).toEqual([1, ""]);
    expect(busy.stderr).toContain(`another Sagebrush server uses the data directory ${server.directory}`);
    expect(busy.stderr).toContain(`process ${server.pid}, ${server.url}`);
    const { port } = new URL(server.url);
    const taken = await sagebrush(["up", "--port", port, "--data-dir", join(folder, "second")]);
    expect([taken.code, taken.stdout]).toEqual([1, ""]);
    expect(taken.stderr).toContain(`port ${port} of 127.0.0.1 is in use by another program`);
    expect(taken.stderr).toContain("--port");
    for (const { stderr } of [busy, taken]) expect(stderr).not.toMatch(/^ +at /m);
    // The first one did not mind.
    expect((await sagebrush(["status", ...here])).code).toBe(0);
  });

  test("doctor knows the machine and the server", async () => {
    const { code, stdout } = await sagebrush(["doctor", ...here, "--json"]);
    const rows = JSON.parse(stdout) as { name: string; status: string; found: string; cost: string }[];
    expect(rows.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["node", "data directory", "server", "bubblewrap", "podman", "python3", "gpu"]),
    );
    for (const { status, cost } of rows) {
      expect(["ok", "missing", "problem"]).toContain(status);
      // Whatever is not well says what that costs.
      expect(cost === "").toBe(status === "ok");
    }
    expect(rows.find(({ name }) => name === "server")).toMatchObject({
      status: "ok",
      found: `${server.url} (process ${server.pid})`,
    });
    expect(code).toBe(rows.some(({ status }) => status === "problem") ? 1 : 0);
  });

  test("doctor --verify reads every object, by the server or without one, and names what is damaged", async () => {
    const fine = await sagebrush(["doctor", "--verify", ...here]);
    expect(fine.code).toBe(0);
    expect(fine.stdout).toMatch(/^ok {2}[1-9]\d* objects and parts/);
    const bucket = "terminal";
    const { s3 } = clientsOf(server);
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "to be damaged", Body: "x".repeat(12_345) }));
    const blob = server.files().find((file) => {
      const path = join(server.directory, file);
      return file.startsWith("blobs/") && statSync(path).size === 12_345;
    });
    writeFileSync(join(server.directory, blob!), "y".repeat(12_345));
    const found = await sagebrush(["doctor", "--verify", ...here]);
    expect(found.code).toBe(1);
    expect(found.stdout).toContain(`!!  s3://${bucket}/to be damaged (object): `);
    await server.stop();
    const alone = await sagebrush(["doctor", "--verify", "--json", ...here]);
    expect(alone.code).toBe(1);
    expect(JSON.parse(alone.stdout)).toMatchObject({ damaged: [{ bucket, key: "to be damaged", kind: "object" }] });
    await server.start();
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: "to be damaged" }));
    expect((await sagebrush(["doctor", "--verify", ...here])).code).toBe(0);
  });

  test("status of a server that has stopped, or was killed, is exit code 3", async () => {
    await server.stop();
    const stopped = await sagebrush(["status", ...here]);
    expect(stopped.code).toBe(3);
    expect(stopped.stdout).toContain(`not running (data directory ${server.directory})`);
    await server.start();
    await server.kill();
    const killed = await sagebrush(["status", ...here, "--json"]);
    expect(killed.code).toBe(3);
    expect(JSON.parse(killed.stdout)).toMatchObject({ running: false, dataDirectory: server.directory });
    const korean = await sagebrush(["status", ...here], { LANG: "ko_KR.UTF-8" });
    expect(korean.stdout).toContain("실행 중이 아닙니다");
    const logs = await sagebrush(["logs", "finished", ...here]);
    expect(logs.code).toBe(3);
    expect(logs.stderr).toContain(`no server answers at ${server.url}`);
  });
});

describe("up", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s ends it with exit code 0, whatever is still open",
    async (signal) => {
      const directory = mkdtempSync(join(tmpdir(), "sagebrush-stopped-"));
      const up = new Command(["up", "--port", "0", "--data-dir", directory]);
      await up.says("Ctrl+C");
      const { url } = JSON.parse(readFileSync(join(directory, "server.json"), "utf8")) as { url: string };
      const port = Number(new URL(url).port);
      // One client between two requests, one in the middle of its headers, one that sends nothing.
      await (await fetch(`${url}/_sagebrush/health`)).text();
      const sockets = ["GET / HTTP/1.1\r\nHost: 127.0", ""].map((text) => {
        const socket = new Socket().connect(port, "127.0.0.1");
        socket.on("error", () => {});
        socket.write(text);
        return socket;
      });
      await eventually(
        () => sockets.every((socket) => !socket.connecting),
        (connected) => connected,
      );
      up.child.kill(signal);
      const { code, stderr } = await up.ended;
      for (const socket of sockets) socket.destroy();
      expect([code, stderr]).toEqual([0, ""]);
      expect(existsSync(join(directory, "server.json"))).toBe(false);
      rmSync(directory, { recursive: true });
    },
    10_000,
  );

  test("a port in use by any other program is named", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    const { code, stderr } = await sagebrush([
      "up",
      "--port",
      String(port),
      "--data-dir",
      join(folder, "third"),
      "--json",
    ]);
    other.close();
    expect(code).toBe(1);
    expect((JSON.parse(stderr) as { error: string }).error).toContain(`port ${port} of 127.0.0.1 is in use`);
  });
});

test("the demo tells its whole story and leaves nothing", async () => {
  const { code, stdout, stderr } = await sagebrush(["demo", "--json"], { TMPDIR: folder });
  expect([code, stderr]).toEqual([0, ""]);
  const { steps } = JSON.parse(stdout) as { steps: { call: string; answer: string }[] };
  expect(steps.map(({ call }) => call.split(" ").slice(1, 3).join(" "))).toEqual([
    "s3 mb",
    "s3 cp",
    "s3 cp",
    "sagemaker create-training-job",
    "sagemaker wait",
    "logs get-log-events",
    "sagemaker create-model",
    "sagemaker create-endpoint-config",
    "sagemaker create-endpoint",
    "'55,18,2\\n22,0,110\\n' |",
    "sagemaker list-endpoints",
    "sagemaker delete-endpoint",
  ]);
  expect(steps.find(({ call }) => call.includes("wait training-job"))!.answer).toContain("Completed");
  expect(steps.at(-1)!.answer).toBe("deleted");
  expect(readdirSync(folder).filter((name) => name.startsWith("sagebrush-"))).toEqual([]);
}, 60_000);
