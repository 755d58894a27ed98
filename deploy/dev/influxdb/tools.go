//go:build tools

// Package tools names the program that is built, so that `go mod tidy` keeps the
// modules of all that it is made of.
package tools

import _ "github.com/influxdata/influxdb/v2/cmd/influxd"
