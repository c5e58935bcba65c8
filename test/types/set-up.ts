import { installPacked } from '../support/install.ts'

await installPacked('test/types')
