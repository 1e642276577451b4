// Package doctor looks at a cluster and says what is wrong with it, or will be
// when it is needed: versions and settings of the servers, rights of the roles,
// the budget against what the servers have, who each database says it is, and
// whether maps, tables and migrations agree. It changes nothing and needs no more
// rights than the roles of the configuration have.
//
// [router.Open] refuses what it cannot work with. The doctor goes on after the
// first fault, looks further (as the migrator, too), and says for each finding
// what to do.
package doctor
