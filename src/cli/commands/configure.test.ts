import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Connection } from "../connection.ts";
import { configure, setIniSection } from "./configure.ts";

test("a section is added behind what is there", () => {
  expect(setIniSection("[default]\nregion = eu-west-1\n", "profile sagebrush", { region: "us-east-1" })).toBe(
    "[default]\nregion = eu-west-1\n\n[profile sagebrush]\nregion = us-east-1\n",
  );
  expect(setIniSection("", "sagebrush", { a: "1" })).toBe("[sagebrush]\na = 1\n");
});

test("keys of an existing section change in place; comments, other keys and other sections stay", () => {
  const before = "# mine\n[profile sagebrush]\nregion=old\noutput = json\n\n[other]\nregion = x\n";
  expect(setIniSection(before, "profile sagebrush", { region: "new", endpoint_url: "http://127.0.0.1:1" })).toBe(
    "# mine\n[profile sagebrush]\nregion = new\noutput = json\nendpoint_url = http://127.0.0.1:1\n\n[other]\nregion = x\n",
  );
});

test("writing twice changes nothing the second time", () => {
  const once = setIniSection("[a]\nb = 1\n", "sagebrush", { region: "us-east-1" });
  expect(setIniSection(once, "sagebrush", { region: "us-east-1" })).toBe(once);
});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sagebrush-configure-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

test("both files are written, readable by the user alone, and an existing profile of another name survives", () => {
  const [config, credentials] = [join(directory, "config"), join(directory, "deep", "credentials")];
  writeFileSync(config, "[default]\nregion = eu-west-1\n");
  vi.stubEnv("AWS_CONFIG_FILE", config);
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", credentials);
  const connection = {
    url: "http://127.0.0.1:7243",
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
  } as Connection;
  configure(connection, { profile: "sagebrush", json: true });
  expect(readFileSync(config, "utf8")).toBe(
    "[default]\nregion = eu-west-1\n\n[profile sagebrush]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:7243\n",
  );
  expect(readFileSync(credentials, "utf8")).toBe(
    "[sagebrush]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n",
  );
  expect(statSync(credentials).mode & 0o777).toBe(0o600);
});
