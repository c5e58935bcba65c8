import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Progress, writeProgress } from './progress.ts'

const parts = 8

/**
 * Compresses the upload in `folder`, an eighth of the file at a time, each one blocking its thread:
 * it stands for the work that no `await` makes cheaper, such as resizing an image.
 *
 * @param report Told how far it is.
 */
export async function compress(
  folder: string,
  report: (progress: Progress) => unknown = (progress) => writeProgress(folder, progress),
): Promise<void> {
  // A queue runs it at least once: a worker may have died after the rename, before it could say so.
  if (existsSync(join(folder, 'upload.gz'))) return
  const upload = await open(join(folder, 'upload'))
  const result = await open(join(folder, 'part.gz'), 'w')
  try {
    const { size } = await upload.stat()
    const part = new Uint8Array(Math.max(1, Math.ceil(size / parts)))
    let position = 0
    let compressed = 0
    await report({ size, done: 0, compressed })
    do {
      const { bytesRead } = await upload.read(part, 0, part.length, position)
      position += bytesRead
      // Members of a gzip file may follow each other: https://www.rfc-editor.org/rfc/rfc1952#section-2.2
      const { bytesWritten } = await result.write(
        gzipSync(part.subarray(0, bytesRead), { level: 9 }),
      )
      compressed += bytesWritten
      await report({ size, done: size === 0 ? 1 : position / size, compressed })
    } while (position < size)
  } finally {
    await Promise.all([upload.close(), result.close()])
  }
  await rename(join(folder, 'part.gz'), join(folder, 'upload.gz'))
  await rm(join(folder, 'upload'))
}
