/** `sagebrush status`: whether the server answers, and what it is working on. */
import type { SageMakerOperations } from "../../protocol/generated/sagemaker.ts";
import { createClient } from "../../protocol/client/index.ts";
import { answers, type Connection } from "../connection.ts";
import { exitCodes } from "../failure.ts";
import { say } from "../language.ts";
import { printJson, table, type OutputOptions } from "../output.ts";

export async function status(connection: Connection, options: OutputOptions): Promise<void> {
  const running = await answers(connection);
  if (!running) {
    if (options.json) printJson({ running, url: connection.url, dataDirectory: connection.dataDirectory });
    else
      console.log(
        say(
          {
            en: "not running (data directory {directory}); start it with `npm start`",
            ko: "실행 중이 아닙니다 (데이터 디렉터리 {directory}). `npm start` 로 시작하세요",
          },
          { directory: connection.dataDirectory },
        ),
      );
    process.exitCode = exitCodes.noServer;
    return;
  }
  const client = createClient<SageMakerOperations>({
    endpoint: connection.url,
    region: connection.region,
    credentials: connection.credentials,
    service: "sagemaker",
  });
  const [jobs, endpoints] = await Promise.all([
    client.call("ListTrainingJobs", { SortBy: "CreationTime", SortOrder: "Descending", MaxResults: 10 }),
    client.call("ListEndpoints", { SortBy: "CreationTime", SortOrder: "Descending", MaxResults: 10 }),
  ]);
  if (options.json) {
    printJson({
      running,
      url: connection.url,
      pid: connection.pid,
      startedAt: connection.startedAt === undefined ? undefined : new Date(connection.startedAt).toISOString(),
      dataDirectory: connection.dataDirectory,
      region: connection.region,
      trainingJobs: jobs.TrainingJobSummaries.map(({ TrainingJobName, TrainingJobStatus }) => ({
        TrainingJobName,
        TrainingJobStatus,
      })),
      endpoints: endpoints.Endpoints.map(({ EndpointName, EndpointStatus }) => ({ EndpointName, EndpointStatus })),
    });
    return;
  }
  const started = connection.startedAt === undefined ? "-" : new Date(connection.startedAt).toLocaleString();
  console.log(
    say(
      {
        en: "{url} answers (process {pid}, since {started}); region {region}, data directory {directory}",
        ko: "{url} 에서 응답 중 (프로세스 {pid}, 시작 {started}). 리전 {region}, 데이터 디렉터리 {directory}",
      },
      {
        url: connection.url,
        pid: connection.pid ?? "-",
        started,
        region: connection.region,
        directory: connection.dataDirectory,
      },
    ),
  );
  const rows = [
    ...jobs.TrainingJobSummaries.map((job) => [
      say({ en: "training job", ko: "학습 작업" }),
      job.TrainingJobName,
      job.TrainingJobStatus,
    ]),
    ...endpoints.Endpoints.map((endpoint) => [
      say({ en: "endpoint", ko: "엔드포인트" }),
      endpoint.EndpointName,
      endpoint.EndpointStatus,
    ]),
  ];
  console.log(
    rows.length === 0
      ? say({ en: "no training jobs, no endpoints", ko: "학습 작업과 엔드포인트가 없습니다" })
      : table(rows),
  );
}
