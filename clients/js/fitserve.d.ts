import type {
  Card,
  Classification,
  Generated,
  GenerateRequest,
  Job,
  ModelSummary,
  Problem,
  Ready,
  Several,
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
  /** Called when the service asks for a key; the request is repeated with what it returns. */
  askKey?: () => Promise<string | null>;
  fetch?: typeof fetch;
}

export interface RequestOptions {
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

export interface PredictOptions extends RequestOptions {
  version?: number | string;
  topK?: number;
  crop?: "centre" | "whole";
}

/** What families can be asked to learn from; other families take what their part of the OpenAPI document says. */
export interface Wishes {
  digit: Train_digit;
  cifar: Train_cifar;
  text: Train_text;
  [family: string]: Train_digit | Train_cifar | Train_text | Record<string, unknown>;
}

export type TextEvent =
  | { event: "word"; data: { index: number; word: string } & Partial<Step> }
  | { event: "done"; data: Generated };

export interface JobEvent {
  id: number;
  event: string;
  data: { time: string; [name: string]: unknown };
}

export interface EventsOptions {
  after?: number;
  signal?: AbortSignal;
  onConnection?: (connected: boolean) => void;
}

export declare class FitserveError extends Error {
  constructor(status: number, problem: Partial<Problem>);
  readonly status: number;
  readonly problem: Partial<Problem>;
}

export declare class Fitserve {
  constructor(base?: string, options?: Options);
  readonly base: string;
  key: string;

  predict(model: string, picture: Blob, options?: PredictOptions): Promise<Classification>;
  seen(model: string, picture: Blob, options?: PredictOptions): Promise<Blob>;
  predictBatch(model: string, pictures: Blob[], options?: PredictOptions): Promise<Array<Classification | Problem>>;
  generate(wish: GenerateRequest, options?: RequestOptions): Promise<Generated>;
  stream(wish: GenerateRequest, options?: RequestOptions): AsyncGenerator<TextEvent, void>;

  train<F extends keyof Wishes>(
    family: F,
    wishes?: Wishes[F],
    options?: { idempotencyKey?: string; signal?: AbortSignal },
  ): Promise<Job | Several>;
  jobs(filter?: { status?: Status; family?: string; model?: string; before?: string; limit?: number }): Promise<Job[]>;
  job(id: string): Promise<Job>;
  cancel(id: string, options?: { stopEarly?: boolean }): Promise<Job>;
  pause(id: string): Promise<Job>;
  resume(id: string): Promise<Job>;
  history(id: string): Promise<Array<Record<string, number | string>>>;
  log(id: string): Promise<string>;
  events(id: string, options?: EventsOptions): AsyncGenerator<JobEvent, void>;

  models(): Promise<ModelSummary[]>;
  model(model: string): Promise<ModelSummary>;
  version(model: string, version: number | string): Promise<Card>;
  file(model: string, version: number | string, name: string): Promise<Blob>;
  promote(model: string, version: number, alias?: string): Promise<ModelSummary>;
  rollback(model: string): Promise<ModelSummary>;
  delete(model: string, version: number): Promise<void>;

  ready(): Promise<Ready>;
  openapi(): Promise<Record<string, unknown>>;
  request(
    method: string,
    path: string,
    body?: Blob | FormData | object,
    options?: RequestOptions,
  ): Promise<Response>;
}

export declare function parseEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ id?: string; event: string; data: unknown }, void>;
