/** `sagebrush configure`: writes an AWS profile, leaving everything else in the user's files as it was. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Connection } from "../connection.ts";
import { say } from "../language.ts";
import { printJson, type OutputOptions } from "../output.ts";

/** Sets keys in one section of an INI text; other lines, comments and keys stay. */
export function setIniSection(text: string, section: string, values: Readonly<Record<string, string>>): string {
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const isHeader = (line: string) => /^\s*\[.*\]\s*([#;].*)?$/.test(line);
  const start = lines.findIndex((line) => line.replace(/\s*[#;].*$/, "").trim() === `[${section}]`);
  const wanted = new Map(Object.entries(values));
  if (start === -1) {
    if (lines.length > 0 && lines.at(-1) !== "") lines.push("");
    lines.push(`[${section}]`, ...[...wanted].map(([key, value]) => `${key} = ${value}`));
    return `${lines.join("\n")}\n`;
  }
  let end = lines.findIndex((line, index) => index > start && isHeader(line));
  if (end === -1) end = lines.length;
  const body = lines.slice(start + 1, end).map((line) => {
    const key = /^([A-Za-z_]\w*)\s*=/.exec(line)?.[1];
    if (key === undefined || !wanted.has(key)) return line;
    const value = wanted.get(key)!;
    wanted.delete(key);
    return `${key} = ${value}`;
  });
  let last = body.length;
  while (last > 0 && body[last - 1].trim() === "") last -= 1;
  body.splice(last, 0, ...[...wanted].map(([key, value]) => `${key} = ${value}`));
  return `${[...lines.slice(0, start + 1), ...body, ...lines.slice(end)].join("\n")}\n`;
}

function rewrite(file: string, section: string, values: Readonly<Record<string, string>>, mode: number): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const kept = existsSync(file) ? statSync(file).mode & 0o777 : mode;
  const temporary = `${file}.sagebrush-${process.pid}`;
  writeFileSync(temporary, setIniSection(before, section, values), { mode: kept });
  chmodSync(temporary, kept);
  renameSync(temporary, file);
}

export function configure(connection: Connection, options: OutputOptions & { profile: string }): void {
  const config = process.env["AWS_CONFIG_FILE"] || join(homedir(), ".aws", "config");
  const credentials = process.env["AWS_SHARED_CREDENTIALS_FILE"] || join(homedir(), ".aws", "credentials");
  rewrite(config, `profile ${options.profile}`, { region: connection.region, endpoint_url: connection.url }, 0o600);
  rewrite(
    credentials,
    options.profile,
    {
      aws_access_key_id: connection.credentials.accessKeyId,
      aws_secret_access_key: connection.credentials.secretAccessKey,
    },
    0o600,
  );
  if (options.json) {
    printJson({
      profile: options.profile,
      config,
      credentials,
      endpointUrl: connection.url,
      region: connection.region,
    });
    return;
  }
  console.log(
    say(
      {
        en: "Wrote profile {profile} to {config} and {credentials}.\nUse it with: export AWS_PROFILE={profile}",
        ko: "{config} 와 {credentials} 에 프로필 {profile} 을(를) 썼습니다.\n사용하려면: export AWS_PROFILE={profile}",
      },
      { profile: options.profile, config, credentials },
    ),
  );
}
