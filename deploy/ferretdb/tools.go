//go:build tools

package tools

import _ "github.com/FerretDB/FerretDB/v2/cmd/ferretdb"
