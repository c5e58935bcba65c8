import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Progress {
  /** Bytes of the uploaded file. */
  readonly size: number
  /** How much of the file is processed, 0 to 1. */
  readonly done: number
  /** Bytes of the result so far. */
  readonly compressed: number
}

/** A file beside the upload: every thread can write and read it. */
export async function writeProgress(folder: string, progress: Progress): Promise<void> {
  // Renamed into place, so that nobody reads half a file.
  await writeFile(join(folder, 'progress.tmp'), JSON.stringify(progress))
  await rename(join(folder, 'progress.tmp'), join(folder, 'progress.json'))
}

/** What was written last. */
export async function readProgress(folder: string): Promise<Progress> {
  return JSON.parse(await readFile(join(folder, 'progress.json'), 'utf8'))
}
