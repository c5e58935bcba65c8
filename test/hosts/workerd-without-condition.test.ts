import { testHost } from './suite.ts'

testHost('workerd-without-condition')
