import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Progress, writeProgress } from './progress.ts'

const parts = 20

/**
 * Compresses the upload in `folder`, a twentieth of the file at a time, each one blocking its thread:
 * it stands for the work that no `await` makes cheaper, such as resizing an image.
 */
export async function compress(folder: string): Promise<void> {
  const upload = await open(join(folder, 'upload'))
  const result = await open(join(folder, 'upload.gz'), 'w')
  const { size } = await upload.stat()
  const part = new Uint8Array(Math.max(1, Math.ceil(size / parts)))
  let progress: Progress = { state: 'running', size, done: 0, compressed: 0 }
  try {
    await writeProgress(folder, progress)
    let position = 0
    do {
      const { bytesRead } = await upload.read(part, 0, part.length, position)
      position += bytesRead
      // Members of a gzip file may follow each other: https://www.rfc-editor.org/rfc/rfc1952#section-2.2
      const { bytesWritten } = await result.write(
        gzipSync(part.subarray(0, bytesRead), { level: 9 }),
      )
      const compressed = progress.compressed + bytesWritten
      progress = { ...progress, done: size === 0 ? 1 : position / size, compressed }
      await writeProgress(folder, progress)
    } while (position < size)
    await writeProgress(folder, { ...progress, state: 'done' })
  } catch (error) {
    await writeProgress(folder, { ...progress, state: 'failed' })
    throw error
  } finally {
    await Promise.all([upload.close(), result.close()])
  }
}
