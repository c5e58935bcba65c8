/** Who may ask for a job: whoever has uploaded it, which a cookie tells. */
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Visitor {
  readonly id: string
  /** Sent to a visitor who comes for the first time. */
  readonly cookie: string | undefined
}

/** In earnest this is the user of your session. */
export function findVisitor(request: Request): Visitor {
  const [, known] = /(?:^|;\s*)visitor=([\w-]{36})/.exec(request.headers.get('cookie') ?? '') ?? []
  const id = known ?? randomUUID()
  const cookie = `visitor=${id}; HttpOnly; SameSite=Strict; Path=/`
  return { id, cookie: known === undefined ? cookie : undefined }
}

export async function setOwner(folder: string, { id }: Visitor): Promise<void> {
  await writeFile(join(folder, 'owner'), id)
}

export async function isOwner(folder: string, { id }: Visitor): Promise<boolean> {
  return (await readFile(join(folder, 'owner'), 'utf8').catch(() => '')) === id
}
