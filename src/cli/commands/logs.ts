/** `sagebrush logs JOB [-f]`: a training job's log, from the start, live with -f. */
import type { CloudWatchLogsOperations } from "../../protocol/generated/logs.ts";
import type { SageMakerOperations } from "../../protocol/generated/sagemaker.ts";
import { AwsClientError, createClient } from "../../protocol/client/index.ts";
import { requireServer, type Connection } from "../connection.ts";
import { CommandFailure, exitCodes } from "../failure.ts";
import { say } from "../language.ts";
import { ProgressBar, type OutputOptions } from "../output.ts";

const group = "/aws/sagemaker/TrainingJobs";
const pollMs = 500;
const ended = new Set(["Completed", "Failed", "Stopped"]);

export async function logs(
  connection: Connection,
  job: string,
  options: OutputOptions & { follow?: boolean },
): Promise<void> {
  await requireServer(connection);
  const { url: endpoint, region, credentials } = connection;
  const sagemaker = createClient<SageMakerOperations>({ endpoint, region, credentials, service: "sagemaker" });
  const cloudWatchLogs = createClient<CloudWatchLogsOperations>({ endpoint, region, credentials, service: "logs" });

  const describe = async () => {
    try {
      return await sagemaker.call("DescribeTrainingJob", { TrainingJobName: job });
    } catch (error) {
      if (!(error instanceof AwsClientError) || !error.message.includes("not found")) throw error;
      throw new CommandFailure(
        exitCodes.notFound,
        say(
          {
            en: 'there is no training job "{job}" in {region}; `npx sagebrush status` lists the latest',
            ko: '{region} 에 학습 작업 "{job}" 이(가) 없습니다. 최근 작업은 `npx sagebrush status` 로 볼 수 있습니다',
          },
          { job, region },
        ),
        { cause: error },
      );
    }
  };
  const streamsOf = async (): Promise<string[]> => {
    try {
      const { logStreams } = await cloudWatchLogs.call("DescribeLogStreams", {
        logGroupName: group,
        logStreamNamePrefix: `${job}/`,
      });
      return (logStreams ?? []).map(({ logStreamName }) => logStreamName!);
    } catch (error) {
      // Before the first line of the first job there is no group.
      if (error instanceof AwsClientError && error.code === "ResourceNotFoundException") return [];
      throw error;
    }
  };

  /** The rounds that were boosted, of those asked for: what a person at a terminal waits for. */
  const progress = new ProgressBar(job);
  let roundsDone = 0;
  const tokens = new Map<string, string>();
  const printNew = async () => {
    for (const logStreamName of await streamsOf()) {
      for (;;) {
        const nextToken = tokens.get(logStreamName);
        const page = await cloudWatchLogs.call("GetLogEvents", {
          logGroupName: group,
          logStreamName,
          startFromHead: true,
          ...(nextToken === undefined ? {} : { nextToken }),
        });
        if ((page.events ?? []).length > 0) progress.done();
        for (const { timestamp, message } of page.events ?? []) {
          const round = /^\[(\d+)\]/.exec(message ?? "")?.[1];
          if (round !== undefined) roundsDone = Number(round) + 1;
          const line = options.json ? JSON.stringify({ logStreamName, timestamp, message }) : message;
          process.stdout.write(`${line}\n`);
        }
        tokens.set(logStreamName, page.nextForwardToken!);
        if (page.nextForwardToken === nextToken || (page.events ?? []).length === 0) break;
      }
    }
  };

  for (;;) {
    // The state is read before the log: what is written before a job ends is then always printed.
    const { TrainingJobStatus, FailureReason, HyperParameters } = await describe();
    await printNew();
    if (!options.follow) return;
    const rounds = Number(HyperParameters?.["num_round"]);
    if (rounds > 0) progress.update(roundsDone / rounds, `${roundsDone}/${rounds}`);
    if (ended.has(TrainingJobStatus!)) {
      progress.done();
      console.error(
        say(
          { en: "training job {job}: {status}", ko: "학습 작업 {job}: {status}" },
          { job, status: FailureReason === undefined ? TrainingJobStatus! : `${TrainingJobStatus} - ${FailureReason}` },
        ),
      );
      if (TrainingJobStatus === "Failed") process.exitCode = exitCodes.failed;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
