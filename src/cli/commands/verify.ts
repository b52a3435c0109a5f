/** `sagebrush doctor --verify`: reads every stored object and says which ones are damaged. */
import { readConfig, type ConfigFlags } from "../../server/public.ts";
import { verifyDataDirectory, type Verified } from "../../server/verification.ts";
import { exitCodes } from "../failure.ts";
import { say } from "../language.ts";
import { printJson, type OutputOptions } from "../output.ts";

const progressEveryMs = 1000;

export async function verify(flags: ConfigFlags, options: OutputOptions): Promise<void> {
  const { dataDirectory } = readConfig(flags, process.env);
  const damaged: Verified[] = [];
  let count = 0;
  let bytes = 0;
  let told = performance.now();
  for await (const step of verifyDataDirectory(dataDirectory)) {
    count += 1;
    bytes += step.bytes;
    if (step.problem !== undefined) {
      damaged.push(step);
      if (!options.json) console.log(`!!  s3://${step.bucket}/${step.key} (${step.kind}): ${step.problem}`);
    }
    if (performance.now() - told < progressEveryMs || options.json) continue;
    told = performance.now();
    console.error(say(read, { count, size: megabytes(bytes) }));
  }
  if (damaged.length > 0) process.exitCode = exitCodes.failed;
  if (options.json) printJson({ verified: count, bytes, damaged });
  else
    console.log(
      say(damaged.length > 0 ? someDamaged : allWell, { count, size: megabytes(bytes), damaged: damaged.length }),
    );
}

const read = { en: "{count} objects read ({size} MB)", ko: "객체 {count}개 확인 중 ({size} MB)" };
const allWell = {
  en: "ok  {count} objects and parts ({size} MB) are as they were stored",
  ko: "ok  객체와 파트 {count}개 ({size} MB) 가 저장된 그대로입니다",
};
const someDamaged = {
  en: "{damaged} of {count} objects and parts ({size} MB) are damaged; restore them from another copy, or delete them",
  ko: "객체와 파트 {count}개 ({size} MB) 중 {damaged}개가 손상되었습니다. 다른 사본에서 복구하거나 삭제하세요",
};

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
