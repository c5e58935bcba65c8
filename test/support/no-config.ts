/** For a runner inside a runner: a folder without a config of its own would get that of the root. */
export default {}
