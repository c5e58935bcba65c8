import type { BackgroundTasks } from 'background-tasks'
import type { Progress } from './progress.ts'

/** What the status route tells of an upload that was accepted. */
export interface Job {
  readonly folder: string
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly progress: Progress
}

/** Where the work is done. */
export interface Way {
  /** As in `npm run upload:name`. */
  readonly name: string
  readonly title: string
  /** What there is to see in the page. */
  readonly lesson: string
  /** What is lost when the process dies. */
  readonly lost: string
  /** Where its uploads are, each in a folder of its own. */
  readonly folder: string
  /** The job that the status route is asked for. */
  readonly find: (id: string) => Promise<Job | undefined>
  /** Called last. Removes what nobody needs any more. */
  readonly close: () => Promise<void>
}

/**
 * Adds to `tasks` what is to be done with the upload in `folder`, which holds a file `upload`.
 *
 * @returns The id of the job, if a queue has given it one.
 */
export type AddProcessing = (tasks: BackgroundTasks, folder: string) => unknown
