import { testHost } from './suite.ts'

testHost('bun')
