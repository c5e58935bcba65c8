import { testHost } from './suite.ts'

testHost('deno')
