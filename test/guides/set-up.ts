import { installPacked } from '../support/install.ts'

export default async function setUp(): Promise<void> {
  await installPacked('test/guides')
}

if (import.meta.main) await setUp()
