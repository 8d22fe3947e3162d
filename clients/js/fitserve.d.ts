import type {
  Card,
  Classification,
  Comparison,
  Generated,
  GenerateRequest,
  Job,
  Live,
  ModelSummary,
  Problem,
  Ready,
  JobGroup,
  Status,
  Step,
  Train_cifar,
  Train_digit,
  Train_text,
} from "./types.js";

export type * from "./types.js";

export interface Options {
  /** Sent as `Authorization: Bearer`. */
  key?: string;
  /** Called with the refusal when the service requires a key; the request is repeated with the key it returns. */
  askKey?: (refusal: FitserveError) => Promise<string | null>;
  fetch?: typeof fetch;
}

export interface RequestOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

export interface PredictOptions extends RequestOptions {
  /** A version number or an alias; by default the live version. */
  version?: number | string;
  /** An alias, instead of `version`. */
  alias?: string;
  topK?: number;
  crop?: "centre" | "whole";
}

export interface TrainOptions extends RequestOptions {
  /** A training text in UTF-8, for text families. */
  file?: Blob;
  /** Requests with the same key return the same job. */
  idempotencyKey?: string;
}

/** Hyperparameters by family; for other families see the OpenAPI document. */
export interface TrainRequests {
  digit: Train_digit;
  cifar: Train_cifar;
  text: Train_text;
  [family: string]: Train_digit | Train_cifar | Train_text | Record<string, unknown>;
}

export type TextEvent =
  { event: "word"; data: { index: number; word: string } & Partial<Step> } | { event: "done"; data: Generated };

/** The metrics of an epoch that its phase measures. */
export interface Epoch {
  phase: string;
  epoch: number;
  seconds: number;
  loss?: number;
  val_loss?: number;
  accuracy?: number;
  val_accuracy?: number;
  [figure: string]: number | string | undefined;
}

/** The `result` of a finished job. */
export interface Result {
  model: string;
  version: number;
  promoted: boolean;
  reason: string;
}

interface Happened<Kind extends string, Facts = object> {
  id: number;
  event: Kind;
  data: { time: string } & Facts;
}

export type JobEvent =
  | Happened<"queued" | "paused" | "checkpoint">
  | Happened<"started", { attempt: number }>
  | Happened<"resumed", { row: Epoch | null; text: string }>
  | Happened<"phase", { phase: string; epochs: number; epoch: number }>
  | Happened<"progress", { progress: number; epoch: number; eta_seconds?: number; metrics: Record<string, number> }>
  | Happened<"epoch", Epoch & { progress: number }>
  | Happened<"log" | "promoted", { text: string; version?: number }>
  | Happened<"evaluated", { metrics: Record<string, number> }>
  | Happened<"published", { version: number }>
  | Happened<"finished", { status: Status; result: Result | null; error: string | null }>;

export interface EventsOptions {
  /** Only events after this id. */
  after?: number;
  signal?: AbortSignal;
  /** Called when the connection is lost or restored. */
  onConnection?: (connected: boolean) => void;
}

export interface JobFilter {
  status?: Status;
  family?: string;
  model?: string;
  /** Only jobs older than this one. */
  before?: string;
  limit?: number;
}

export declare class FitserveError extends Error {
  constructor(status: number, problem: Partial<Problem>);
  /** HTTP status; 0 if the service is unreachable. */
  readonly status: number;
  readonly problem: Partial<Problem>;
}

export declare class Fitserve {
  constructor(base?: string, options?: Options);
  readonly base: string;
  readonly fetch: typeof fetch;
  key: string;

  predict(model: string, picture: Blob, options?: PredictOptions): Promise<Classification>;
  preview(model: string, picture: Blob, options?: PredictOptions): Promise<Blob>;
  predictBatch(model: string, pictures: Blob[], options?: PredictOptions): Promise<Array<Classification | Problem>>;
  generate(body: GenerateRequest, options?: RequestOptions): Promise<Generated>;
  stream(body: GenerateRequest, options?: RequestOptions): AsyncGenerator<TextEvent, void>;

  train<F extends keyof TrainRequests>(family: F, hyperparameters?: TrainRequests[F], options?: TrainOptions): Promise<Job | JobGroup>;
  jobs(filter?: JobFilter): Promise<Job[]>;
  job(id: string): Promise<Job>;
  cancel(id: string, options?: { stopEarly?: boolean }): Promise<Job>;
  pause(id: string): Promise<Job>;
  resume(id: string): Promise<Job>;
  history(id: string): Promise<Epoch[]>;
  historyCsv(id: string): Promise<string>;
  plot(id: string, form?: "svg" | "png"): Promise<Blob>;
  log(id: string): Promise<string>;
  followLog(id: string, options?: RequestOptions): AsyncGenerator<string, void>;
  events(id: string, options?: EventsOptions): AsyncGenerator<JobEvent, void>;

  models(): Promise<ModelSummary[]>;
  model(model: string): Promise<ModelSummary>;
  version(model: string, version: number | string): Promise<Card>;
  file(model: string, version: number | string, name: string): Promise<Blob>;
  compare(model: string, one: number | string, other: number | string): Promise<Comparison>;
  promote(model: string, version: number, alias?: string): Promise<ModelSummary>;
  removeAlias(model: string, alias: string): Promise<ModelSummary>;
  importVersion(model: string, file: Blob, options?: RequestOptions & { like?: number | string }): Promise<Card>;
  rollback(model: string): Promise<ModelSummary>;
  splitTraffic(model: string, weights: Record<number, number>): Promise<ModelSummary>;
  endSplit(model: string): Promise<ModelSummary>;
  reproduce(model: string, version: number | string): Promise<Job>;
  delete(model: string, version: number): Promise<void>;
  deleteModel(model: string): Promise<void>;

  live(): Promise<Live>;
  ready(): Promise<Ready>;
  openapi(): Promise<Record<string, unknown>>;
  request(method: string, path: string, body?: Blob | FormData | object, options?: RequestOptions): Promise<Response>;
}

export declare function parseEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ id?: string; event: string; data: unknown }, void>;
