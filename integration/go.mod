module github.com/keyway-go/keyway/integration

go 1.26.0

require github.com/keyway-go/keyway v0.0.0

replace github.com/keyway-go/keyway => ../
